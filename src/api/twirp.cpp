// livekit.Egress over Twirp, protobuf and JSON (livekit-wire 6.2).
#include "api/http_answers.hpp"
#include "api/server.hpp"
#include "control/egress_info.hpp"
#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace aircheck::api {
namespace {

constexpr std::string_view kService = "/twirp/livekit.Egress/";

enum class Wire { Protobuf, Json, Other };

Wire wire_of(std::string_view content_type) {
    std::string type(content_type.substr(0, content_type.find(';')));
    while (!type.empty() && type.back() == ' ') type.pop_back();
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    if (type == "application/protobuf") return Wire::Protobuf;
    if (type == "application/json") return Wire::Json;
    return Wire::Other;
}

net::HttpServerResponse as_answer(const google::protobuf::Message& message, Wire wire) {
    if (wire == Wire::Json) return json_answer(200, proto::to_twirp_json(message));
    net::HttpServerResponse response;
    response.headers.set("Content-Type", "application/protobuf");
    response.body = message.SerializeAsString();
    return response;
}

control::Answer<void> read(const std::string& body, Wire wire, google::protobuf::Message& message) {
    if (wire == Wire::Json) {
        if (auto parsed = proto::from_json(body.empty() ? "{}" : body, message); !parsed) {
            return control::refuse("malformed", parsed.error().to_string());
        }
        return {};
    }
    if (!message.ParseFromString(body)) {
        return control::refuse("malformed", "the body is no " + message.GetTypeName());
    }
    return {};
}

/// The request that a Start method takes, inside `asked`; null for other methods.
google::protobuf::Message* request_of(std::string_view method, livekit::EgressInfo& asked) {
    if (method == "StartRoomCompositeEgress") return asked.mutable_room_composite();
    if (method == "StartParticipantEgress") return asked.mutable_participant();
    if (method == "StartTrackCompositeEgress") return asked.mutable_track_composite();
    if (method == "StartTrackEgress") return asked.mutable_track();
    if (method == "StartWebEgress") return asked.mutable_web();
    if (method == "StartEgress") return asked.mutable_egress();
    return nullptr;
}

bool is_about_one_egress(std::string_view method) {
    constexpr std::string_view kMethods[] = {
        "StopEgress", "ListEgress", "UpdateLayout", "UpdateStream"};
    return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

livekit::ListEgressResponse to_response(const std::vector<records::Recording>& recordings) {
    livekit::ListEgressResponse response;
    for (const records::Recording& recording : recordings) {
        *response.add_items() = control::to_egress_info(recording);
    }
    return response;
}

/// Without a filter LiveKit tells what ended in the last 24 hours and all that has not.
constexpr std::chrono::hours kListedAfterEnd{24};

control::Answer<std::vector<records::Recording>> list(
    records::Store& store, const livekit::ListEgressRequest& request
) {
    std::vector<records::Recording> found;
    if (!request.egress_id().empty()) {
        auto one = store.find_recording(request.egress_id());
        if (!one && one.error().code == Errc::NotFound) {
            return control::refuse("not_found", "egress does not exist");
        }
        if (!one) return tl::unexpected(control::to_twirp(one.error()));
        if (!request.active() || one->status < records::RecordingStatus::Complete) {
            found.push_back(*std::move(one));
        }
        return found;
    }
    records::RecordingQuery query;
    query.room_name = request.room_name();
    if (request.active()) query.which = records::RecordingQuery::Which::Unfinished;
    query.limit = records::kMaxPage;
    do {
        auto page = store.list_recordings(query);
        if (!page) return tl::unexpected(control::to_twirp(page.error()));
        const WallTime oldest = wall_now() - kListedAfterEnd;
        for (records::Recording& recording : page->items) {
            if (recording.ended_at && *recording.ended_at < oldest) continue;
            found.push_back(std::move(recording));
        }
        const bool all_older =
            !page->items.empty() && page->items.back().started_at < oldest - std::chrono::hours(24);
        if (!page->next_cursor || all_older) break;
        query.cursor = *page->next_cursor;
    } while (true);
    return found;
}

}  // namespace

/// One call of a method that there is, by somebody who may record.
struct EgressCall {
    std::string method;
    Wire wire = Wire::Other;
    std::string body;
    std::string request_id;           ///< X-Livekit-Request-Id
    std::optional<Nanoseconds> time;  ///< X-Twirp-Timeout-Ms
    bool is_delegated = false;        ///< It has come through a Delegate.
    net::HttpServer::Respond respond;

    void answer(const google::protobuf::Message& message) const {
        respond(as_answer(message, wire));
    }
    void refuse(const control::TwirpError& error) const { respond(twirp_error(error)); }
    [[nodiscard]] control::EgressService::OnInfo on_info() const {
        return [respond = respond, wire = wire](const control::Answer<records::Recording>& done) {
            if (done)
                respond(as_answer(control::to_egress_info(*done), wire));
            else
                respond(twirp_error(done.error()));
        };
    }
    /// The body as a `Message`; none where it is none, which the caller has heard then.
    template <typename Message>
    [[nodiscard]] std::optional<Message> read_as() const {
        Message message;
        if (auto ok = read(body, wire, message); !ok) {
            refuse(ok.error());
            return {};
        }
        return message;
    }
};

namespace {

/// The egress that a call is about; "" for a list of all.
control::Answer<std::string> egress_of(const EgressCall& call) {
    const auto id_in = [&](auto message) -> control::Answer<std::string> {
        if (auto ok = read(call.body, call.wire, message); !ok) return tl::unexpected(ok.error());
        return message.egress_id();
    };
    if (call.method == "StopEgress") return id_in(livekit::StopEgressRequest());
    if (call.method == "ListEgress") return id_in(livekit::ListEgressRequest());
    if (call.method == "UpdateLayout") return id_in(livekit::UpdateLayoutRequest());
    return id_in(livekit::UpdateStreamRequest());
}

bool is_unknown(records::Store& store, const std::string& egress_id) {
    const auto found = store.find_recording(egress_id);
    return !found && found.error().code == Errc::NotFound;
}

void pass_on(Delegate& delegate, const EgressCall& call) {
    if (call.is_delegated) {
        return call.refuse(
            {"unavailable", "ws_url leads back to aircheck; it must be the LiveKit server's own"}
        );
    }
    delegate.pass_on(
        {call.method,
         call.wire == Wire::Json ? "application/json" : "application/protobuf",
         call.body,
         call.request_id,
         call.time},
        call.respond
    );
}

}  // namespace

void Server::handle_twirp(const net::HttpServerRequest& request, const Respond& respond) {
    const auto at = request.path.find(kService);
    EgressCall call;
    call.method = at == std::string::npos ? "" : request.path.substr(at + kService.size());
    call.wire = wire_of(request.headers.get("Content-Type"));
    call.respond = respond;
    livekit::EgressInfo asked;
    const bool known =
        is_about_one_egress(call.method) || request_of(call.method, asked) != nullptr;
    if (!known || call.wire == Wire::Other || request.method != "POST") {
        return call.refuse({"bad_route", "no handler for " + request.method + " " + request.path});
    }
    const auto access =
        authenticate(request.headers.get("Authorization"), options_.auth, wall_now());
    if (!access) return call.refuse({"unauthenticated", access.error().context});
    if (!access->may_record) return call.refuse({"unauthenticated", "permissions denied"});
    const auto time = twirp_timeout(request.headers.get("X-Twirp-Timeout-Ms"));
    if (!time) return call.refuse(time.error());
    call.time = *time;
    if (call.time) call.respond = call_times_.limit(respond, *call.time);
    call.body = request.body;
    call.request_id = std::string(request.headers.get("X-Livekit-Request-Id"));
    call.is_delegated = request.headers.has(Delegate::kMark);
    call_egress(call);
}

void Server::call_egress(const EgressCall& call) {
    livekit::EgressInfo asked;
    if (google::protobuf::Message* const start = request_of(call.method, asked)) {
        const auto ok = read(call.body, call.wire, *start);
        return ok ? start_egress(call, asked) : call.refuse(ok.error());
    }
    const auto egress_id = egress_of(call);
    if (!egress_id) return call.refuse(egress_id.error());
    if (backend_.delegate == nullptr || egress_id->empty()) return call_own_egress(call);
    const auto if_ours = [this, alive = std::weak_ptr<bool>(alive_), call] {
        if (!alive.expired()) call_own_egress(call);
    };
    backend_.records_pool.run([to = backend_, call, egress_id = *egress_id, if_ours] {
        if (is_unknown(to.store, egress_id))
            pass_on(*to.delegate, call);
        else
            to.home.post(if_ours);
    });
}

void Server::call_own_egress(const EgressCall& call) {
    if (call.method == "ListEgress") return list_egress(call);
    if (call.method == "StopEgress") {
        const auto message = call.read_as<livekit::StopEgressRequest>();
        if (message) backend_.egresses.stop(message->egress_id(), call.on_info());
    } else if (call.method == "UpdateLayout") {
        const auto message = call.read_as<livekit::UpdateLayoutRequest>();
        if (!message) return;
        backend_.egresses.update_layout(message->egress_id(), message->layout(), call.on_info());
    } else {
        const auto message = call.read_as<livekit::UpdateStreamRequest>();
        if (message) backend_.egresses.update_streams(*message, call.on_info());
    }
}

void Server::start_egress(const EgressCall& call, const livekit::EgressInfo& asked) {
    auto checked = control::check_request(asked, backend_.egresses.options().defaults);
    if (!checked && checked.error().is_beyond_us && backend_.delegate != nullptr) {
        return pass_on(*backend_.delegate, call);
    }
    if (!checked) return call.refuse(checked.error());
    checked->request_id = call.request_id;
    if (call.time) checked->answer_by = monotonic_now() + *call.time;
    backend_.egresses.start(*std::move(checked), call.on_info());
}

void Server::list_egress(const EgressCall& call) {
    const auto message = call.read_as<livekit::ListEgressRequest>();
    if (!message) return;
    // Of one egress it is known by now whose it is.
    Delegate* const others = message->egress_id().empty() ? backend_.delegate : nullptr;
    backend_.records_pool.run([others, store = &backend_.store, message = *message, call] {
        const auto found = list(*store, message);
        if (!found) return call.refuse(found.error());
        auto response = to_response(*found);
        if (others == nullptr || call.is_delegated) return call.answer(response);
        const auto add = [store, call, response](const auto& theirs) mutable {
            if (!theirs) return call.refuse(theirs.error());
            for (const livekit::EgressInfo& info : *theirs) {
                // What came from its bus it lists as well.
                if (is_unknown(*store, info.egress_id())) *response.add_items() = info;
            }
            call.answer(response);
        };
        others->list(message, call.time, add);
    });
}

}  // namespace aircheck::api
