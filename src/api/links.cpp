// The permanent link of a recording: GET /r/{egress_id}?k=…
#include "api/byte_range.hpp"
#include "api/http_answers.hpp"
#include "api/server.hpp"
#include "net/crypto.hpp"
#include "net/url.hpp"

#include <sys/stat.h>

#include <charconv>

namespace aircheck::api {
namespace {

constexpr std::chrono::minutes kSignedFor{15};

/// A local file, whole or the range that was asked for.
net::HttpServerResponse send_file(const std::string& path, std::string_view range_header) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) {
        return problem(404, "the recording's file is gone");
    }
    const auto size = static_cast<std::uint64_t>(about.st_size);
    const auto range = parse_byte_range(range_header, size);
    if (!range) {
        auto response = problem(416, "the range is outside the file");
        response.headers.set("Content-Range", "bytes */" + std::to_string(size));
        return response;
    }
    net::HttpServerResponse response;
    const auto container = recorder::container_of(path);
    response.headers.set(
        "Content-Type",
        container ? std::string(recorder::content_type_of(*container)) : "application/octet-stream"
    );
    response.headers.set("Accept-Ranges", "bytes");
    response.headers.set("Cache-Control", "private, no-store");
    response.file = net::HttpServerResponse::File{path, range->offset, range->length};
    if (range->is_partial) {
        response.status = 206;
        response.headers.set(
            "Content-Range",
            "bytes " + std::to_string(range->offset) + "-" +
                std::to_string(range->offset + range->length - 1) + "/" + std::to_string(size)
        );
    }
    return response;
}

}  // namespace

void Server::handle_link(const net::HttpServerRequest& request, const Respond& respond) {
    if (request.method != "GET" && request.method != "HEAD") {
        respond(problem(405, "GET only"));
        return;
    }
    const std::string egress_id = request.path.substr(std::string_view("/r/").size());
    std::string key;
    for (const auto& [name, value] : net::parse_query(request.query)) {
        if (name == "k") key = value;
    }
    const auto method = request.is_head ? storage::LinkMethod::Head : storage::LinkMethod::Get;
    const std::string range(request.headers.get("Range"));
    backend_.records_pool.run([store = &backend_.store,
                               egresses = &backend_.egresses,
                               egress_id,
                               key,
                               range,
                               method,
                               respond] {
        const auto recording = store->find_recording(egress_id);
        // A wrong key and a recording that is not there look alike.
        if (!recording || recording->link_key.empty() ||
            !net::constant_time_equal(as_bytes(recording->link_key), as_bytes(key))) {
            respond(problem(404, "there is no such recording"));
            return;
        }
        if (recording->link_revoked) {
            respond(problem(410, "this link was revoked"));
            return;
        }
        const auto mix = records::playable_mix({&*recording, 1});
        if (!mix) {
            respond(problem(404, "the recording does not play yet"));
            return;
        }
        const auto url = egresses->signed_url_of(mix->file, kSignedFor, method);
        if (url) {
            net::HttpServerResponse response;
            response.status = 302;
            response.headers.set("Location", *url);
            response.headers.set("Cache-Control", "no-store");
            respond(std::move(response));
        } else if (url.error().code == Errc::Unsupported) {
            respond(send_file(mix->file.location, range));
        } else {
            respond(problem_of(url.error()));
        }
    });
}

}  // namespace aircheck::api
