// livekit.Egress over Twirp, protobuf and JSON (livekit-wire 6.2).
#include "api/http_answers.hpp"
#include "api/server.hpp"
#include "control/egress_info.hpp"
#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"

#include <algorithm>
#include <string>

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

net::HttpServerResponse answer(const google::protobuf::Message& message, Wire wire) {
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

/// Methods of the service that this build does not serve yet; refused as a bad request, not as
/// `unimplemented`, which SDKs would try again.
bool is_later_method(std::string_view method) {
    constexpr std::string_view kLater[] = {"StartWebEgress", "UpdateLayout"};
    return std::find(std::begin(kLater), std::end(kLater), method) != std::end(kLater);
}

/// The request that a Start method takes, inside `asked`; null for other methods.
google::protobuf::Message* request_of(std::string_view method, livekit::EgressInfo& asked) {
    if (method == "StartRoomCompositeEgress") return asked.mutable_room_composite();
    if (method == "StartParticipantEgress") return asked.mutable_participant();
    if (method == "StartTrackCompositeEgress") return asked.mutable_track_composite();
    if (method == "StartTrackEgress") return asked.mutable_track();
    if (method == "StartEgress") return asked.mutable_egress();
    return nullptr;
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

void Server::handle_twirp(const net::HttpServerRequest& request, const Respond& respond) {
    const auto at = request.path.find(kService);
    const std::string method =
        at == std::string::npos ? "" : request.path.substr(at + kService.size());
    const Wire wire = wire_of(request.headers.get("Content-Type"));
    livekit::EgressInfo asked;
    google::protobuf::Message* start = request_of(method, asked);
    const bool known = start != nullptr || method == "StopEgress" || method == "UpdateStream" ||
                       method == "ListEgress" || is_later_method(method);
    if (!known || wire == Wire::Other || request.method != "POST") {
        respond(twirp_error({"bad_route", "no handler for " + request.method + " " + request.path})
        );
        return;
    }
    const auto access =
        authenticate(request.headers.get("Authorization"), options_.auth, wall_now());
    if (!access) {
        respond(twirp_error({"unauthenticated", access.error().context}));
        return;
    }
    if (!access->may_record) {
        respond(twirp_error({"unauthenticated", "permissions denied"}));
        return;
    }
    if (is_later_method(method)) {
        respond(twirp_error({"invalid_argument", method + " is not supported by this recorder yet"})
        );
        return;
    }
    const auto on_info = [respond, wire](const control::Answer<records::Recording>& recording) {
        if (recording)
            respond(answer(control::to_egress_info(*recording), wire));
        else
            respond(twirp_error(recording.error()));
    };
    if (start != nullptr) {
        if (auto ok = read(request.body, wire, *start); !ok) {
            respond(twirp_error(ok.error()));
            return;
        }
        auto checked = control::check_request(asked, backend_.egresses.options().defaults);
        if (!checked) {
            respond(twirp_error(checked.error()));
            return;
        }
        checked->request_id = std::string(request.headers.get("X-Livekit-Request-Id"));
        backend_.egresses.start(*std::move(checked), on_info);
    } else if (method == "StopEgress") {
        livekit::StopEgressRequest message;
        if (auto ok = read(request.body, wire, message); !ok)
            respond(twirp_error(ok.error()));
        else
            backend_.egresses.stop(message.egress_id(), on_info);
    } else if (method == "UpdateStream") {
        livekit::UpdateStreamRequest message;
        if (auto ok = read(request.body, wire, message); !ok)
            respond(twirp_error(ok.error()));
        else
            backend_.egresses.update_streams(message, on_info);
    } else {
        livekit::ListEgressRequest message;
        if (auto ok = read(request.body, wire, message); !ok) {
            respond(twirp_error(ok.error()));
            return;
        }
        backend_.records_pool.run([store = &backend_.store, message, respond, wire] {
            const auto found = list(*store, message);
            if (found)
                respond(answer(to_response(*found), wire));
            else
                respond(twirp_error(found.error()));
        });
    }
}

}  // namespace aircheck::api
