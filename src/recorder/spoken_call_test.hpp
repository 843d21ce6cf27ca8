#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "journal/record.hpp"
#include "recorder/pipeline.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

/// Calls as journal records, and files as samples again, for this layer's tests.
namespace aircheck::recorder::testing {

inline constexpr double kRate = 48000;
inline constexpr Nanoseconds kFrame = 20ms;

[[nodiscard]] std::vector<float> tone(double hz, double seconds, double amplitude = 0.4);
/// `pcm` (mono, 48 kHz) as Opus packets of 20 ms.
[[nodiscard]] std::vector<Bytes> encode_opus(std::span<const float> pcm);
[[nodiscard]] inline std::vector<Bytes> spoken_tone(double hz, double seconds) {
    return encode_opus(tone(hz, seconds));
}

/// One published track, and how far its RTP stream has come.
struct Speaker {
    journal::TrackStart start;
    std::uint16_t sequence = 65'500;              ///< Wraps early in every call.
    std::uint32_t rtp_timestamp = 4'294'900'000;  ///< Likewise.
};
/// Track `index` ("TR_1"), of participant "PA_1", identity "user-1", with SSRC 1001.
[[nodiscard]] Speaker speaker(
    journal::TrackIndex index, journal::ParticipantKind kind = journal::ParticipantKind::Standard
);
/// `who` after a rejoin: the same track by another SSRC, in another stream.
[[nodiscard]] inline Speaker rejoined(const Speaker& who, journal::TrackIndex index) {
    Speaker again = who;
    again.start.track = index;
    again.start.ssrc += 5000;
    again.sequence = 12'345;
    again.rtp_timestamp = 1'000'000'000;
    return again;
}

/// What happened in a call, in order of time; owns the packets' bytes.
class Script {
public:
    /// Given the number of a packet (from 0): false when it is lost.
    using Arrives = std::function<bool(std::size_t packet)>;

    void add(Nanoseconds at, journal::Body body) { events_.push_back({at, std::move(body), {}}); }
    void start(Nanoseconds at, const Speaker& who) { add(at, who.start); }
    /// Packets of 20 ms, the first one arriving at `at`; lost ones use up number and timestamp.
    /// Payload type and clock are those of the first format.
    void speak(
        Nanoseconds at,
        Speaker& who,
        const std::vector<Bytes>& payloads,
        const Arrives& arrives = {}
    );
    /// One packet, made by build_rtp().
    void packet(Nanoseconds at, journal::TrackIndex track, Bytes datagram);
    /// A quiet recorder's ticks.
    void ticks(Nanoseconds from, Nanoseconds to, Nanoseconds every = 500ms);

    /// Sorted by time; packets borrow from the script.
    [[nodiscard]] std::vector<journal::Record> records() const;

private:
    struct Event {
        Nanoseconds at{0};
        journal::Body body;
        Bytes datagram;
    };
    std::vector<Event> events_;
};

[[nodiscard]] Bytes build_rtp(const Speaker& who, BytesView payload);
/// `who` is silent (muted) for `frames` frames: its timestamps go on, its numbers don't.
inline void pause(Speaker& who, std::uint32_t frames) { who.rtp_timestamp += 960 * frames; }

[[nodiscard]] journal::Header header();

struct Rendered {
    Bytes file;
    Nanoseconds start{0};
    Nanoseconds duration{0};
    std::vector<Pipeline::TrackCounters> tracks;
};
/// What a recording or `render` does with records: feed all, finish at `end`, put the head on.
[[nodiscard]] Result<Rendered> render(
    const PipelineSettings& settings, const std::vector<journal::Record>& records, Nanoseconds end
);
/// Body and head as a finished file.
[[nodiscard]] Bytes assemble(Bytes body, std::size_t header_bytes, const Bytes& head);

/// The file's samples, one vector a channel, decoded by the ffmpeg program.
[[nodiscard]] std::vector<std::vector<float>> decode(const Bytes& file, std::size_t channels = 1);
/// The same in pieces of a second at most, for long files: [samples × channels] interleaved.
void decode_in_pieces(
    const Bytes& file,
    std::size_t channels,
    const std::function<void(std::span<const float> interleaved)>& take
);

/// Amplitude of the sine at `hz` between two times (seconds).
[[nodiscard]] double level(const std::vector<float>& samples, double hz, double from, double to);
/// Where the sine at `hz` is louder than 0.2, in seconds, each stretch with its begin and end.
struct Stretch {
    double begin = 0;
    double end = 0;
};
[[nodiscard]] std::vector<Stretch> stretches(const std::vector<float>& samples, double hz);

}  // namespace aircheck::recorder::testing
