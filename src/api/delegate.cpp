#include "api/delegate.hpp"

#include "api/http_answers.hpp"
#include "net/jwt.hpp"
#include "net/url.hpp"
#include "proto/livekit_egress.pb.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace aircheck::api {
namespace {

constexpr unsigned kThreads = 4;
/// livekit-server itself waits for workers this long in all, three tries together.
constexpr std::chrono::seconds kLongest{90};
/// A list that does not end is no list.
constexpr int kMostPages = 100;

std::string recorder_token(const std::string& api_key, const std::string& api_secret) {
    const auto now = unix_nanoseconds(wall_now()) / 1'000'000'000;
    const nlohmann::json claims{
        {"iss", api_key}, {"nbf", now}, {"exp", now + 600}, {"video", {{"roomRecord", true}}}};
    return net::sign_jwt(claims.dump(), api_secret);
}

}  // namespace

Delegate::Delegate(const control::RoomService& rooms)
    : rooms_(rooms), pool_("delegate", kThreads) {}

Delegate::~Delegate() {
    http_.abort();
    pool_.finish();
}

void Delegate::run(
    std::function<void()> job, const std::function<void(control::TwirpError)>& refuse
) {
    if (waiting_ >= kMostWaiting) {
        return refuse({"unavailable", "too many calls wait for livekit-server already"});
    }
    ++waiting_;
    pool_.run([this, job = std::move(job)] {
        job();
        --waiting_;
    });
}

control::Answer<net::HttpResponse> Delegate::send(const Call& call) {
    const auto& access = rooms_.access();
    const auto parsed = net::Url::parse(access.ws_url);
    if (!parsed) return control::refuse("internal", parsed.error().to_string());
    net::Url url = parsed->as_http();
    while (url.path.ends_with('/')) url.path.pop_back();
    url.path += "/twirp/livekit.Egress/" + call.method;
    net::HttpRequest request;
    request.method = "POST";
    request.url = url.to_string();
    request.headers.set("Content-Type", call.content_type);
    request.headers.set(
        "Authorization", "Bearer " + recorder_token(access.api_key, access.api_secret)
    );
    request.headers.set(kMark, "1");
    if (!call.request_id.empty()) request.headers.set("X-Livekit-Request-Id", call.request_id);
    request.timeout = kLongest;
    if (call.time) {
        const auto time = std::chrono::ceil<std::chrono::milliseconds>(*call.time);
        request.headers.set("X-Twirp-Timeout-Ms", std::to_string(time.count()));
        request.timeout = std::clamp<std::chrono::milliseconds>(time, 1ms, kLongest);
    }
    request.body = call.body;
    request.ca_file = access.ca_file;
    auto answer = http_.send(request);
    if (answer) return *std::move(answer);
    auto error = control::to_twirp(answer.error());
    error.message = "livekit-server, to which this is left: " + error.message;
    return tl::unexpected(std::move(error));
}

void Delegate::pass_on(Call call, OnAnswer on_answer) {
    const auto refuse = [on_answer](const control::TwirpError& error) {
        on_answer(twirp_error(error));
    };
    const auto job = [this, refuse, on_answer, call = std::move(call)] {
        auto said = send(call);
        if (!said) return refuse(said.error());
        net::HttpServerResponse answer;
        answer.status = said->status;
        answer.headers.set("Content-Type", std::string(said->headers.get("Content-Type")));
        answer.body = std::move(said->body);
        on_answer(std::move(answer));
    };
    run(job, refuse);
}

void Delegate::list(
    const livekit::ListEgressRequest& request, std::optional<Nanoseconds> time, OnList on_list
) {
    const auto refuse = [on_list](const control::TwirpError& error) {
        on_list(tl::unexpected(error));
    };
    const auto job = [this, refuse, on_list, time, page = request]() mutable {
        std::vector<livekit::EgressInfo> all;
        for (int pages = 0; pages < kMostPages; ++pages) {
            const auto said =
                send({"ListEgress", "application/protobuf", page.SerializeAsString(), "", time});
            if (!said) return refuse(said.error());
            livekit::ListEgressResponse response;
            if (said->status != 200 || !response.ParseFromString(said->body)) {
                return refuse(
                    {"unavailable",
                     "livekit-server's own list: HTTP " + std::to_string(said->status) + " " +
                         said->body.substr(0, 200)}
                );
            }
            all.insert(all.end(), response.items().begin(), response.items().end());
            if (response.next_page_token().token().empty()) return on_list(std::move(all));
            *page.mutable_page_token() = response.next_page_token();
        }
        refuse({"unavailable", "livekit-server's own list does not end"});
    };
    run(job, refuse);
}

}  // namespace aircheck::api
