#pragma once

#include "proto/livekit_models.pb.h"
#include "proto/livekit_rtc.pb.h"
#include "signal/room.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace aircheck::signal::testing {

using livekit::LeaveRequest;
using livekit::SignalRequest;
using livekit::SignalResponse;

/// A fingerprint's form.
inline constexpr std::string_view kPrint =
    "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
    "AB";

inline livekit::ParticipantInfo person(
    const std::string& sid, const std::string& identity, std::uint32_t version = 1
) {
    livekit::ParticipantInfo info;
    info.set_sid(sid);
    info.set_identity(identity);
    info.set_state(livekit::ParticipantInfo::ACTIVE);
    info.set_version(version);
    info.set_joined_at(1000 + version);
    return info;
}

inline livekit::TrackInfo* add_track(
    livekit::ParticipantInfo& info, const std::string& sid, livekit::TrackType type = livekit::AUDIO
) {
    auto* track = info.add_tracks();
    track->set_sid(sid);
    track->set_type(type);
    track->set_source(type == livekit::AUDIO ? livekit::MICROPHONE : livekit::CAMERA);
    track->set_mime_type(type == livekit::AUDIO ? "audio/red" : "video/VP8");
    return track;
}

/// A server in a script: plays the messages, keeps what the session did.
class Stage : public ::testing::Test {
protected:
    Stage() {
        options_.server_url = "https://lk.example/base/";
        options_.mint_token = [this] { return "minted" + std::to_string(++minted_); };
    }

    void begin() {
        session_.emplace(options_);
        session_->start(now_);
        collect();
    }
    void collect() {
        for (RoomEvent& event : session_->take_events()) {
            if (const auto* connect = std::get_if<Connect>(&event)) socket_ = connect->socket;
            events_.push_back(std::move(event));
        }
    }
    void say(const SignalResponse& response) {
        const std::string bytes = response.SerializeAsString();
        session_->on_message(socket_, as_bytes(bytes), now_);
        collect();
    }
    void open() {
        session_->on_open(socket_, now_);
        collect();
    }
    void close(int status = 0, std::string_view body = "") {
        session_->on_socket_closed(socket_, status, body, "end of stream", now_);
        collect();
    }
    void wait(Nanoseconds span) {
        const Instant end = now_ + span;
        while (now_ < end) {
            now_ = std::min(now_ + 100ms, end);
            session_->on_tick(now_);
            collect();
        }
    }
    SignalResponse join_message(const std::string& self_sid = "PA_me") {
        SignalResponse response;
        auto* join = response.mutable_join();
        join->mutable_room()->set_sid("RM_1");
        join->mutable_room()->set_name("support");
        *join->mutable_participant() = person(self_sid, "EG_1");
        join->set_ping_interval(5);
        join->set_ping_timeout(15);
        return response;
    }
    /// In the room with ada, who has a microphone and a camera.
    void be_in_room() {
        begin();
        open();
        auto response = join_message();
        auto ada = person("PA_ada", "ada");
        add_track(ada, "TR_AMada");
        add_track(ada, "TR_VCada", livekit::VIDEO);
        *response.mutable_join()->add_other_participants() = ada;
        say(response);
        session_->on_media_connected(now_);
    }
    void update(const livekit::ParticipantInfo& info) {
        SignalResponse response;
        *response.mutable_update()->add_participants() = info;
        say(response);
    }
    void leave_with(livekit::DisconnectReason reason, LeaveRequest::Action action) {
        SignalResponse response;
        response.mutable_leave()->set_reason(reason);
        response.mutable_leave()->set_action(action);
        say(response);
    }
    SignalResponse offer_message(
        std::uint32_t id, const std::string& ufrag, std::vector<OfferedTrack> tracks
    ) {
        OfferOptions offered;
        offered.local.ice_ufrag = ufrag;
        offered.local.ice_pwd = "0123456789abcdefghijkl";
        offered.local.fingerprint = kPrint;
        offered.tracks = std::move(tracks);
        SignalResponse response;
        response.mutable_offer()->set_type("offer");
        response.mutable_offer()->set_id(id);
        response.mutable_offer()->set_sdp(make_offer(offered).to_string());
        return response;
    }
    [[nodiscard]] static LocalParameters ours() {
        LocalParameters local;
        local.ice_ufrag = "ours";
        local.ice_pwd = "lkjihgfedcba9876543210";
        local.fingerprint = kPrint;
        return local;
    }

    template <typename T>
    [[nodiscard]] std::vector<T> all() const {
        std::vector<T> found;
        for (const RoomEvent& event : events_) {
            if (const auto* match = std::get_if<T>(&event)) found.push_back(*match);
        }
        return found;
    }
    template <typename T>
    [[nodiscard]] T last() const {
        const auto found = all<T>();
        EXPECT_FALSE(found.empty());
        return found.empty() ? T{} : found.back();
    }
    [[nodiscard]] std::vector<SignalRequest> sent() const {
        std::vector<SignalRequest> requests;
        for (const Send& send : all<Send>()) {
            SignalRequest request;
            EXPECT_TRUE(
                request.ParseFromArray(send.message.data(), static_cast<int>(send.message.size()))
            );
            requests.push_back(std::move(request));
        }
        return requests;
    }

    RoomOptions options_;
    std::optional<RoomSession> session_;
    std::vector<RoomEvent> events_;
    SocketNumber socket_ = 0;
    Instant now_{std::chrono::hours(1)};
    int minted_ = 0;
};

}  // namespace aircheck::signal::testing
