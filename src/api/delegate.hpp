#pragma once

#include "control/room_service.hpp"
#include "control/twirp_error.hpp"
#include "core/time.hpp"
#include "net/http_client.hpp"
#include "net/http_server.hpp"
#include "net/loop.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace livekit {
class EgressInfo;
class ListEgressRequest;
}  // namespace livekit

namespace aircheck::api {

/// livekit-server's own Egress API, for what is left to livekit/egress (`delegate: livekit`).
///
/// Calls go to the server of `ws_url` with a token of its API key: the caller was judged here.
/// Calls run on threads of their own, a few at a time; beyond `kMostWaiting` they are refused.
/// Answers come on one of those threads. From any thread.
class Delegate {
public:
    static constexpr int kMostWaiting = 64;
    /// A call that has it has come through here before: `ws_url` leads back.
    static constexpr std::string_view kMark = "X-Aircheck-Delegated";

    struct Call {
        std::string method;  ///< "StartWebEgress"
        std::string content_type;
        std::string body;
        std::string request_id;           ///< X-Livekit-Request-Id, or "".
        std::optional<Nanoseconds> time;  ///< As long as the caller waits.
    };
    using OnAnswer = std::function<void(net::HttpServerResponse answer)>;
    using OnList = std::function<void(control::Answer<std::vector<livekit::EgressInfo>> egresses)>;

    /// `rooms` is of the same server, and outlives this.
    explicit Delegate(const control::RoomService& rooms);
    /// Breaks off what is under way.
    ~Delegate();

    /// What the server answers, whatever it is; Twirp's `unavailable` or `deadline_exceeded` where
    /// it does not.
    void pass_on(Call call, OnAnswer on_answer);
    /// All that the server lists, of every page.
    void list(
        const livekit::ListEgressRequest& request, std::optional<Nanoseconds> time, OnList on_list
    );

private:
    [[nodiscard]] control::Answer<net::HttpResponse> send(const Call& call);
    void run(std::function<void()> job, const std::function<void(control::TwirpError)>& refuse);

    const control::RoomService& rooms_;
    net::HttpClient http_;
    std::atomic<int> waiting_ = 0;
    net::Pool pool_;
};

}  // namespace aircheck::api
