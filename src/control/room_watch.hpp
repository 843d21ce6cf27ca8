#pragma once

#include "control/auto_record.hpp"
#include "control/egress_service.hpp"
#include "control/room_claims.hpp"
#include "control/room_service.hpp"
#include "net/loop.hpp"
#include "records/store.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace livekit {
class ParticipantInfo;
class Room;
class WebhookEvent;
}  // namespace livekit

namespace aircheck::control {

/// Keeps records of rooms and participants from livekit-server's webhooks, and starts recordings by
/// rule: one at a time and a room session, however many events come, in whatever order. A session
/// gets another one when nothing came of the first, or when a human comes back after the rule's own
/// end (room_claims). Webhooks get lost, so the room service is asked as well: every few seconds
/// while no webhook has come lately, else twice a minute, and when a room has become free. Lives on
/// `home`'s thread; SQL runs on the records pool, remote calls on the remote pool.
class RoomWatch {
public:
    struct Options {
        std::vector<AutoRecordRule> rules;
        Nanoseconds poll_interval = 3s;  ///< While no webhooks come.
        Nanoseconds poll_interval_behind_webhooks = 30s;
        Nanoseconds rejoin_window = 60s;
        Instant (*clock)() = monotonic_now;  ///< When what failed is tried again.
    };

    RoomWatch(
        net::Loop& home,
        net::Pool& records_pool,
        net::Pool& remote_pool,
        records::Store& store,
        RoomService& rooms,
        EgressService& egresses,
        Options options
    );
    ~RoomWatch();

    /// Begins to ask the room service.
    void start();
    /// A verified webhook. `done` tells when it is stored: an error means that it should come
    /// again.
    void on_event(const livekit::WebhookEvent& event, std::function<void(Result<>)> done);

private:
    [[nodiscard]] Result<> take_event(const livekit::WebhookEvent& event);
    [[nodiscard]] Result<> take_joined(const livekit::WebhookEvent& event);
    [[nodiscard]] Result<> see_room(const livekit::Room& room, WallTime at);
    [[nodiscard]] Result<std::optional<records::ConversationDetails>> if_free(
        const std::string& room_sid
    );
    [[nodiscard]] Result<> claim_and_start(
        const AutoRecordRule& rule, const std::string& room_name, const std::string& room_sid
    );
    void on_freed_room(const EgressService::FreedRoom& room);
    void give_back_claims();
    void poll();
    void poll_later();
    [[nodiscard]] Result<> ask_rooms();
    [[nodiscard]] Result<> ask_room(const AutoRecordRule& rule, const livekit::Room& room);
    [[nodiscard]] Result<> close_gone_rooms(const std::vector<std::string>& present);

    net::Loop& home_;
    net::Pool& records_pool_;
    net::Pool& remote_pool_;
    records::Store& store_;
    RoomService& rooms_;
    EgressService& egresses_;
    Options options_;
    net::Timer timer_;
    Instant last_webhook_;
    bool is_polling_ = false;
    bool polls_again_ = false;           ///< A room became free while the last poll ran.
    std::set<std::string> claims_over_;  ///< Egress ids whose claims are still to be given back.
    std::mutex pacer_mutex_;             ///< Home tells failures, pools ask.
    RetryPacer pacer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::control
