#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "sim/room.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace aircheck::sim {

/// One caller as it leaves the SFU: RTP packets when they are due, sender reports, and what was
/// sent lately for those who ask again. Sans-I/O: told the room's time.
///
/// The caller's clock starts with it and runs `drift_ppm` fast; its NTP time has an epoch of its
/// own, as publishers' clocks do. Sequence numbers and timestamps start anywhere, near the wrap on
/// some seeds.
class Publisher {
public:
    enum class Presence : std::uint8_t { Away, Here, Gone };
    class Output {
    public:
        virtual ~Output() = default;
        virtual void publish(BytesView packet) = 0;  ///< RTP; borrowed until it returns.
    };

    Publisher(const Caller& caller, std::uint64_t seed);

    /// Hands over every packet that is due at `room_time`.
    void run(Nanoseconds room_time, Output& output);
    [[nodiscard]] Presence presence(Nanoseconds room_time) const;
    [[nodiscard]] bool is_muted(Nanoseconds room_time) const;
    /// Appends SR and SDES for now.
    void append_report(Nanoseconds room_time, std::string_view cname, Bytes& out) const;
    /// Rebuilds a packet of the last 200 into `out` (cleared); false when it is not known any more.
    bool repeat(std::uint16_t sequence_number, Bytes& out) const;

    [[nodiscard]] const Caller& caller() const { return caller_; }
    /// Of the caller's first voice; the others have to be of the same.
    [[nodiscard]] VoiceCodec codec() const { return codec_; }
    [[nodiscard]] std::uint32_t ssrc() const { return ssrc_; }
    [[nodiscard]] std::uint64_t packets() const { return packets_; }

private:
    struct Sent {
        std::uint16_t sequence_number = 0;
        bool marker = false;
        bool known = false;
        std::uint64_t frame = 0;
        BytesView payload;  ///< The voice's.
    };

    [[nodiscard]] Nanoseconds own_time(Nanoseconds room_time) const;
    [[nodiscard]] Nanoseconds room_time_of(std::uint64_t frame) const;
    [[nodiscard]] BytesView payload_of(std::uint64_t frame);
    void build(const Sent& sent, Bytes& out) const;

    Caller caller_;
    VoiceCodec codec_ = VoiceCodec::Opus;
    std::uint32_t ssrc_ = 0;
    std::uint32_t first_timestamp_ = 0;
    std::uint16_t next_sequence_ = 0;
    WallTime epoch_;
    std::uint64_t next_frame_ = 0;
    std::size_t utterance_ = 0;
    std::uint64_t muted_frames_ = 0;
    bool after_silence_ = true;
    std::uint64_t packets_ = 0, octets_ = 0;
    std::array<Sent, 200> history_{};
    Bytes scratch_;
};

}  // namespace aircheck::sim
