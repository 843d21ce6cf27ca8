// The REST API under /api/v1.
#include "api/conversation_json.hpp"
#include "api/http_answers.hpp"
#include "api/recording_body.hpp"
#include "api/server.hpp"
#include "core/id.hpp"
#include "net/url.hpp"

#include <nlohmann/json.hpp>

#include <charconv>

namespace aircheck::api {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<int> parse_int(const std::string& name, const std::string& text) {
    int value = 0;
    const auto* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || at != end) {
        return fail(Errc::InvalidArgument, name + "='" + text + "' is no number");
    }
    return value;
}

/// A moment, or a day's first one ("2026-11-22", UTC).
Result<WallTime> parse_moment(const std::string& name, const std::string& text) {
    const bool is_day = text.size() == std::string_view("2026-11-22").size();
    const auto moment = parse_iso8601(is_day ? text + "T00:00:00Z" : text);
    if (moment) return moment;
    return fail(
        Errc::InvalidArgument,
        name + "='" + text + "' is neither a date nor a time (2026-11-22, 2026-11-22T10:15:00Z)"
    );
}

Result<records::ConversationQuery> parse_query_of(const std::string& text) {
    records::ConversationQuery query;
    for (const auto& [name, value] : net::parse_query(text)) {
        if (name == "room_name") {
            query.room_name = value;
        } else if (name == "status") {
            query.status = records::parse_conversation_status(value);
            if (!query.status) return fail(Errc::InvalidArgument, "status='" + value + "' is none");
        } else if (name == "from") {
            AC_TRY(query.from, parse_moment(name, value));
        } else if (name == "to") {
            AC_TRY(query.to, parse_moment(name, value));
        } else if (name == "cursor") {
            query.cursor = value;
        } else if (name == "limit") {
            AC_TRY(query.limit, parse_int(name, value));
        } else {
            return fail(Errc::InvalidArgument, "unknown query parameter '" + name + "'");
        }
    }
    return query;
}

/// "/api/v1/recordings/EG_x/url" → {"recordings", "EG_x", "url"}.
std::vector<std::string> segments_of(std::string_view path) {
    path.remove_prefix(std::string_view("/api/v1/").size());
    std::vector<std::string> segments;
    while (!path.empty()) {
        const auto slash = path.find('/');
        segments.push_back(net::percent_decode(path.substr(0, slash)));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return segments;
}

struct Call {
    records::Store& store;
    const control::EgressService& egresses;
    Access access;

    /// What a caller may not see is not there for him.
    [[nodiscard]] Result<records::ConversationDetails> find_conversation(const std::string& id
    ) const {
        AC_TRY(auto details, store.find_conversation(id));
        if (access.may_see(details.conversation.room_name)) return details;
        return fail(Errc::NotFound, "conversation " + id);
    }
    [[nodiscard]] Result<records::Recording> find_recording(const std::string& egress_id) const {
        AC_TRY(auto recording, store.find_recording(egress_id));
        if (access.may_see(recording.room_name)) return recording;
        return fail(Errc::NotFound, "recording " + egress_id);
    }

    [[nodiscard]] UrlOf url_of() const {
        return
            [service = &egresses](const records::PlayableMix& mix) { return service->url_of(mix); };
    }

    [[nodiscard]] net::HttpServerResponse list(const std::string& query_text) const {
        auto query = parse_query_of(query_text);
        if (!query) return problem_of(query.error());
        if (!query->room_name.empty() && !access.may_see(query->room_name)) {
            return problem(403, "the token is for room '" + access.only_room + "'");
        }
        if (!access.only_room.empty()) query->room_name = access.only_room;
        const auto page = store.list_conversations(*query);
        if (!page) return problem_of(page.error());
        json items = json::array();
        for (const auto& details : page->items) items.push_back(to_json(details, url_of()));
        json next = page->next_cursor ? json(*page->next_cursor) : json(nullptr);
        return json_answer(
            200, dump({{"conversations", std::move(items)}, {"next_cursor", std::move(next)}})
        );
    }

    [[nodiscard]] net::HttpServerResponse show(const std::string& id) const {
        const auto details = find_conversation(id);
        if (!details) return problem_of(details.error());
        return json_answer(200, dump(to_json(*details, url_of())));
    }

    /// PATCH {"metadata": {…}}: merged into the owner's (RFC 7396).
    [[nodiscard]] net::HttpServerResponse patch(const std::string& id, const std::string& body)
        const {
        const json change = json::parse(body, nullptr, false);
        if (!change.is_object() || change.size() != 1 || !change.contains("metadata") ||
            !change["metadata"].is_object()) {
            return problem(400, "a body {\"metadata\": {…}} is expected");
        }
        const auto details = find_conversation(id);
        if (!details) return problem_of(details.error());
        const auto saved = store.change_owner_metadata(
            details->conversation.conversation_id,
            [&](const std::string& known) {
                json metadata = json::parse(known, nullptr, false);
                if (!metadata.is_object()) metadata = json::object();
                metadata.merge_patch(change["metadata"]);
                return dump(metadata);
            }
        );
        if (!saved) return problem_of(saved.error());
        return show(details->conversation.conversation_id);
    }

    [[nodiscard]] net::HttpServerResponse recording(const std::string& egress_id) const {
        const auto found = find_recording(egress_id);
        if (!found) return problem_of(found.error());
        return json_answer(200, dump(to_json(*found)));
    }

    [[nodiscard]] net::HttpServerResponse url(
        const std::string& egress_id, const std::string& query_text
    ) const {
        int ttl = 3600;
        for (const auto& [name, value] : net::parse_query(query_text)) {
            if (name != "ttl") return problem(400, "unknown query parameter '" + name + "'");
            const auto number = parse_int(name, value);
            if (!number) return problem_of(number.error());
            ttl = *number;
        }
        if (ttl < 1 || ttl > 604'800) return problem(400, "ttl is outside 1 to 604800 seconds");
        const auto found = find_recording(egress_id);
        if (!found) return problem_of(found.error());
        if (found->link_revoked) return problem(410, "links to this recording were revoked");
        const auto mix = records::playable_mix({&*found, 1});
        if (!mix) return problem(404, "recording " + egress_id + " has no file that plays (yet)");
        const auto signed_url = egresses.signed_url_of(mix->file, std::chrono::seconds(ttl));
        if (signed_url) {
            const std::string expires = to_iso8601(wall_now() + std::chrono::seconds(ttl));
            return json_answer(200, dump({{"url", *signed_url}, {"expires_at", expires}}));
        }
        if (signed_url.error().code != Errc::Unsupported) return problem_of(signed_url.error());
        // A local file has no signed link; ours does not expire.
        return json_answer(200, dump({{"url", egresses.url_of(*mix)}, {"expires_at", nullptr}}));
    }

    [[nodiscard]] net::HttpServerResponse revoke(const std::string& egress_id) const {
        const auto found = find_recording(egress_id);
        if (!found) return problem_of(found.error());
        const auto revoked = store.revoke_link(egress_id);
        return revoked ? json_answer(200, "{}") : problem_of(revoked.error());
    }
};

/// {"egress_ids": ["EG_…"], "force": false}, each of them optional.
Result<control::EgressService::Recovery> parse_recovery(const std::string& body) {
    control::EgressService::Recovery wanted;
    if (body.empty()) return wanted;
    const json from = json::parse(body, nullptr, false);
    if (!from.is_object()) return fail(Errc::InvalidArgument, "the body is no JSON object");
    for (const auto& [name, value] : from.items()) {
        if (name == "force" && value.is_boolean()) {
            using Warm = control::EgressService::Recovery::Warm;
            wanted.warm = value.get<bool>() ? Warm::Taken : Warm::Refused;
        } else if (name == "egress_ids" && value.is_array()) {
            for (const json& id : value) {
                const std::string text = id.is_string() ? id.get<std::string>() : "";
                if (!is_id(text, "EG_")) {
                    return fail(Errc::InvalidArgument, "egress_ids: " + id.dump() + " is no id");
                }
                wanted.egress_ids.push_back(text);
            }
        } else {
            return fail(Errc::InvalidArgument, "field '" + name + "': unknown, or of a wrong kind");
        }
    }
    return wanted;
}

}  // namespace

void Server::recover(const std::string& body, const Respond& respond) {
    auto wanted = parse_recovery(body);
    if (!wanted) return respond(problem(400, wanted.error().context));
    backend_.egresses.recover(*std::move(wanted), [respond](const auto& all) {
        if (!all) return respond(problem_of(all.error()));
        json items = json::array();
        for (const control::EgressService::Recovered& one : *all) {
            items.push_back(
                {{"egress_id", one.egress_id},
                 {"what", control::to_string(one.what)},
                 {"words", one.words}}
            );
        }
        respond(json_answer(200, dump({{"recordings", std::move(items)}})));
    });
}

void Server::handle_rest(const net::HttpServerRequest& request, const Respond& respond) {
    const auto access =
        authenticate(request.headers.get("Authorization"), options_.auth, wall_now());
    if (!access) {
        respond(problem(401, access.error().context));
        return;
    }
    const auto segments = segments_of(request.path);
    const bool reads = request.method == "GET" || request.method == "HEAD";
    const bool allowed = reads ? access->may_read : access->may_record;
    if (!allowed) {
        respond(problem(403, reads ? "the token may not read" : "the token may not record"));
        return;
    }
    const std::size_t depth = segments.size();
    const std::string area = depth > 0 ? segments[0] : "";
    if (area == "recordings" && depth == 1 && request.method == "POST") {
        auto wanted = parse_recording_body(request.body, backend_.egresses.options().defaults);
        if (!wanted) {
            respond(problem(400, wanted.error().message));
            return;
        }
        if (!access->may_see(wanted->room_name)) {
            respond(problem(403, "the token is for room '" + access->only_room + "'"));
            return;
        }
        backend_.egresses.start(*std::move(wanted), [respond](const auto& recording) {
            if (recording) {
                respond(json_answer(201, dump(to_json(*recording))));
                return;
            }
            respond(
                problem(control::http_status_of(recording.error().code), recording.error().message)
            );
        });
        return;
    }
    if (area == "recover" && depth == 1 && request.method == "POST") {
        return access->only_room.empty()
                   ? recover(request.body, respond)
                   : respond(problem(403, "the token is for room '" + access->only_room + "'"));
    }
    const auto run = [&](auto work) {
        backend_.records_pool.run([call = Call{backend_.store, backend_.egresses, *access},
                                   work = std::move(work),
                                   respond] { respond(work(call)); });
    };
    if (area == "conversations" && depth == 1 && reads) {
        run([query = request.query](const Call& call) { return call.list(query); });
    } else if (area == "conversations" && depth == 2 && reads) {
        run([id = segments[1]](const Call& call) { return call.show(id); });
    } else if (area == "conversations" && depth == 2 && request.method == "PATCH") {
        run([id = segments[1], body = request.body](const Call& call) {
            return call.patch(id, body);
        });
    } else if (area == "recordings" && depth == 2 && reads) {
        run([id = segments[1]](const Call& call) { return call.recording(id); });
    } else if (area == "recordings" && depth == 3 && segments[2] == "url" && reads) {
        run([id = segments[1], query = request.query](const Call& call) {
            return call.url(id, query);
        });
    } else if (area == "recordings" && depth == 3 && segments[2] == "revoke" &&
               request.method == "POST") {
        run([id = segments[1]](const Call& call) { return call.revoke(id); });
    } else {
        respond(problem(404, "there is no " + request.method + " " + request.path));
    }
}

}  // namespace aircheck::api
