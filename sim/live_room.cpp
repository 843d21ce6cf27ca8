#include "sim/live_room.hpp"

#include "core/id.hpp"
#include "proto/livekit_models.pb.h"
#include "proto/livekit_rtc.pb.h"

#include <algorithm>
#include <utility>

namespace aircheck::sim {
namespace {

constexpr Nanoseconds kReportInterval = 3s;
constexpr int kPingInterval = 5, kPingTimeout = 15;  // Seconds.

std::string mime_type_of(VoiceCodec codec) {
    switch (codec) {
        case VoiceCodec::Opus:
            return "audio/opus";
        case VoiceCodec::Pcmu:
            return "audio/PCMU";
        case VoiceCodec::Pcma:
            return "audio/PCMA";
    }
    return "";
}

livekit::ParticipantInfo::Kind kind_of(CallerKind kind) {
    switch (kind) {
        case CallerKind::Standard:
            return livekit::ParticipantInfo::STANDARD;
        case CallerKind::Sip:
            return livekit::ParticipantInfo::SIP;
        case CallerKind::Agent:
            return livekit::ParticipantInfo::AGENT;
    }
    return livekit::ParticipantInfo::STANDARD;
}

}  // namespace

LiveRoom::LiveRoom(Room room, std::uint64_t seed, ServerStats& stats, Instant now)
    : config_(std::move(room)),
      stats_(stats),
      sid_(new_id("RM_")),
      created_(wall_now()),
      now_(now) {
    members_.reserve(config_.callers.size());
    for (const auto& caller : config_.callers) {
        members_.push_back(
            {Publisher(caller, seed * 977 + members_.size()), new_id("PA_"), new_id("TR_AM")}
        );
        members_.back().next_report = caller.start + kReportInterval;
    }
    if (config_.starts == Room::Starts::AtOnce) started_ = now;
    update_members(0ns);
}

void LiveRoom::describe(livekit::Room& room) const {
    room.set_sid(sid_);
    room.set_name(config_.name);
    room.set_metadata(config_.metadata);
    room.set_creation_time(unix_nanoseconds(created_) / 1'000'000'000);
    room.set_creation_time_ms(unix_nanoseconds(created_) / 1'000'000);
    room.set_active_recording(!subscribers_.empty());
    const auto here = std::count_if(members_.begin(), members_.end(), [](const Member& member) {
        return member.presence == Publisher::Presence::Here;
    });
    room.set_num_participants(static_cast<std::uint32_t>(here));
    room.set_num_publishers(static_cast<std::uint32_t>(here));
}

void LiveRoom::describe(const Member& member, livekit::ParticipantInfo& info) const {
    const auto& caller = member.publisher.caller();
    info.set_sid(member.sid);
    info.set_identity(caller.identity);
    info.set_name(caller.name);
    info.set_kind(kind_of(caller.kind));
    for (const auto& [key, value] : caller.attributes) (*info.mutable_attributes())[key] = value;
    info.set_joined_at(unix_nanoseconds(created_ + caller.start) / 1'000'000'000);
    info.set_joined_at_ms(unix_nanoseconds(created_ + caller.start) / 1'000'000);
    info.set_version(member.version);
    info.set_is_publisher(true);
    info.mutable_permission()->set_can_subscribe(true);
    info.mutable_permission()->set_can_publish(true);
    if (member.presence != Publisher::Presence::Here) {
        info.set_state(livekit::ParticipantInfo::DISCONNECTED);
        info.set_disconnect_reason(livekit::CLIENT_INITIATED);
        return;
    }
    info.set_state(livekit::ParticipantInfo::ACTIVE);
    auto& track = *info.add_tracks();
    track.set_sid(member.track_sid);
    track.set_type(livekit::AUDIO);
    track.set_name("microphone");
    track.set_source(livekit::MICROPHONE);
    track.set_mime_type(mime_type_of(member.publisher.codec()));
    track.set_muted(member.muted);
    track.set_stereo(caller.stereo);
    if (caller.stereo) track.add_audio_features(livekit::TF_STEREO);
    if (caller.encrypted) track.set_encryption(livekit::Encryption::GCM);
}

std::vector<livekit::ParticipantInfo> LiveRoom::participants() const {
    std::vector<livekit::ParticipantInfo> list;
    for (const auto& member : members_) {
        if (member.presence == Publisher::Presence::Here) describe(member, list.emplace_back());
    }
    return list;
}

void LiveRoom::set_published(Subscriber& subscriber) const {
    std::vector<Subscriber::Track> tracks;
    for (const auto& member : members_) {
        if (member.presence != Publisher::Presence::Here) continue;
        const auto& publisher = member.publisher;
        tracks.push_back({member.sid, member.track_sid, publisher.ssrc(), publisher.caller().stereo}
        );
    }
    subscriber.set_published(tracks);
}

void LiveRoom::join(std::unique_ptr<Subscriber> subscriber) {
    for (const auto& other : subscribers_) {
        if (other->identity() == subscriber->identity()) {
            other->leave(livekit::DUPLICATE_IDENTITY, livekit::LeaveRequest::DISCONNECT);
        }
    }
    livekit::SignalResponse response;
    auto& join = *response.mutable_join();
    describe(*join.mutable_room());
    subscriber->describe(*join.mutable_participant());
    for (auto& info : participants()) *join.add_other_participants() = std::move(info);
    join.set_server_version("1.11.0");
    join.set_subscriber_primary(true);
    join.set_ping_interval(kPingInterval);
    join.set_ping_timeout(kPingTimeout);
    join.mutable_server_info()->set_version("1.11.0");
    join.mutable_server_info()->set_protocol(16);
    subscriber->send(response);
    set_published(*subscriber);
    subscribers_.push_back(std::move(subscriber));
    ++stats_.joins;
}

bool LiveRoom::resume(const std::string& sid, std::shared_ptr<net::ServerWebSocket> socket) {
    for (const auto& subscriber : subscribers_) {
        if (subscriber->sid() != sid || subscriber->is_over()) continue;
        subscriber->attach(std::move(socket));
        livekit::SignalResponse response;
        response.mutable_reconnect()->mutable_server_info()->set_version("1.11.0");
        subscriber->send(response);
        auto& update = *response.mutable_update();
        subscriber->describe(*update.add_participants());
        for (auto& info : participants()) *update.add_participants() = std::move(info);
        subscriber->send(response);
        describe(*response.mutable_room_update()->mutable_room());
        subscriber->send(response);
        subscriber->restart_ice();
        ++stats_.resumes;
        return true;
    }
    return false;
}

void LiveRoom::announce(const Member& member) {
    livekit::SignalResponse response;
    describe(member, *response.mutable_update()->add_participants());
    for (const auto& subscriber : subscribers_) {
        subscriber->send(response);
        set_published(*subscriber);
    }
}

void LiveRoom::update_members(Nanoseconds room_time) {
    for (auto& member : members_) {
        const auto presence = member.publisher.presence(room_time);
        const bool muted = member.publisher.is_muted(room_time);
        if (presence == member.presence && muted == member.muted) continue;
        const bool was_away = member.presence == Publisher::Presence::Away;
        member.presence = presence;
        member.muted = muted;
        ++member.version;
        if (!was_away || presence == Publisher::Presence::Here) announce(member);
    }
}

void LiveRoom::tick(Instant now) {
    if (over_) return;
    now_ = now;
    if (!started_) {
        const bool heard =
            std::any_of(subscribers_.begin(), subscribers_.end(), [&](const auto& subscriber) {
                return subscriber->is_listening(now);
            });
        if (heard) started_ = now;
    }
    if (started_) {
        const auto room_time = now - *started_;
        update_members(room_time);
        for (auto& member : members_) {
            publishing_ = &member;
            member.publisher.run(room_time, *this);
            send_reports(member, room_time, now);
        }
        answer_nacks(now);
        if (has_ended(room_time)) close(livekit::ROOM_CLOSED);
    }
    for (const auto& subscriber : subscribers_) subscriber->tick(now);
    std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber->is_over(); });
}

void LiveRoom::publish(BytesView packet) {
    ++stats_.media_packets;
    for (const auto& subscriber : subscribers_) {
        subscriber->push(Link::Kind::Rtp, publishing_->publisher.ssrc(), packet, now_);
    }
}

void LiveRoom::send_reports(Member& member, Nanoseconds room_time, Instant now) {
    if (room_time < member.next_report || member.presence != Publisher::Presence::Here) return;
    member.next_report += kReportInterval;
    scratch_.clear();
    const auto cname = member.sid + "|" + member.track_sid;
    member.publisher.append_report(room_time, cname, scratch_);
    for (const auto& subscriber : subscribers_) {
        subscriber->push(Link::Kind::Rtcp, member.publisher.ssrc(), scratch_, now);
    }
}

void LiveRoom::answer_nacks(Instant now) {
    for (const auto& subscriber : subscribers_) {
        for (const auto& nack : subscriber->take_nacks()) {
            const auto member =
                std::find_if(members_.begin(), members_.end(), [&](const Member& other) {
                    return other.publisher.ssrc() == nack.ssrc;
                });
            if (member == members_.end() ||
                !member->publisher.repeat(nack.sequence_number, scratch_)) {
                ++stats_.nacked_too_late;
                continue;
            }
            ++stats_.retransmissions;
            subscriber->push(Link::Kind::Rtp, nack.ssrc, scratch_, now);
        }
    }
}

bool LiveRoom::has_ended(Nanoseconds room_time) const {
    if (config_.duration) return room_time >= *config_.duration;
    Nanoseconds last{0};
    for (const auto& caller : config_.callers) {
        if (!caller.stop) return false;
        last = std::max(last, *caller.stop);
    }
    return !config_.callers.empty() && room_time >= last + config_.closes_after;
}

void LiveRoom::close(int reason) {
    if (std::exchange(over_, true)) return;
    for (const auto& subscriber : subscribers_) {
        subscriber->leave(reason, livekit::LeaveRequest::DISCONNECT);
        subscriber->tick(now_);  // Closes its peer connection.
    }
}

bool LiveRoom::remove(const std::string& identity) {
    for (const auto& subscriber : subscribers_) {
        if (subscriber->identity() != identity) continue;
        subscriber->leave(livekit::PARTICIPANT_REMOVED, livekit::LeaveRequest::DISCONNECT);
        return true;
    }
    return false;
}

void LiveRoom::drop_signal() {
    for (const auto& subscriber : subscribers_) subscriber->drop_signal();
}

void LiveRoom::set_media(Server::Media media) {
    for (const auto& subscriber : subscribers_) subscriber->set_media(media);
}

void LiveRoom::send_leave(int reason, int action) {
    for (const auto& subscriber : subscribers_) subscriber->leave(reason, action);
}

}  // namespace aircheck::sim
