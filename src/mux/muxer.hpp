#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "media/sample.hpp"

#include <memory>
#include <string>

namespace aircheck::mux {

/// What a file says of itself: MP4's iTunes-style items, OGG's and FLAC's Vorbis comments, MP3's
/// ID3v2.4, WAV's INFO list. Empty ones are left out.
struct Tags {
    std::string title;      ///< The room's name, for players.
    std::string room;       ///< The room's name, as its own item.
    std::string egress_id;  ///< "EG_…"; it also seeds OGG's stream serial number.
    std::string comment;
    WallTime created{};  ///< When the first sample was heard; the zero time is left out.
};

/// How a file ends.
struct Finished {
    Bytes tail;  ///< The last fragment: to be appended after all that flush() gave.
    /// The finished file's head, in place of what header() gave: the file is `head_replacement` and
    /// then every fragment and the tail, unchanged. Empty: header() is right already (OGG). As long
    /// as header() but for MP4.
    Bytes head_replacement;
};

/// Puts the samples of one audio stream into a container that is playable at any moment of its
/// growth.
///
/// Order of calls: header() once, then add() and flush() in turns, finish() once. The bytes of
/// header(), of each flush() and of the tail, one after the other, are the growing file; only its
/// head is replaced at the end. A pure function of its input: the same samples and tags give the
/// same bytes.
///
/// Samples come in decoding order with rising `pts`, the first at -priming_samples; one whose pts
/// does not rise, is empty or has more than 65,000 bytes is dropped and counted. A jump in pts
/// prolongs the sample before it (MP4), jumps in granule position (OGG), or is closed where there
/// are no times (MP3, WAV, FLAC): who wants no holes fills them. Never fails; lives on one thread.
class Muxer {
public:
    virtual ~Muxer() = default;

    /// The growing file's first bytes.
    [[nodiscard]] virtual Bytes header() = 0;
    virtual void add(media::EncodedSample sample) = 0;
    /// Ends the fragment (MP4) or page (OGG) with what was added since the last call, and appends
    /// it to `out`; nothing when nothing waits. Whoever calls it decides how much a crash can cost.
    virtual void flush(Bytes& out) = 0;
    /// Closes the file; nothing may be added any more.
    [[nodiscard]] virtual Finished finish() = 0;

    /// What a player shows: from the first sample after the priming to the end of the last one
    /// added.
    [[nodiscard]] virtual Nanoseconds duration() const = 0;
    /// The same, in samples at the stream's rate.
    [[nodiscard]] virtual std::int64_t duration_samples() const = 0;
    [[nodiscard]] virtual std::uint64_t dropped_samples() const = 0;
};

/// Exact up to 48 kHz times 2^63: whole seconds and the rest are counted apart.
[[nodiscard]] inline Nanoseconds samples_to_time(std::int64_t samples, std::uint32_t rate_hz) {
    const std::int64_t rate = rate_hz;
    return std::chrono::seconds(samples / rate) +
           Nanoseconds(samples % rate * 1'000'000'000 / rate);
}

enum class Container { Mp4, Ogg, Mp3, Wav, Flac };

/// MP4 holds AAC and Opus, OGG Opus, MP3 MP3, WAV PCM and FLAC FLAC. Errc::InvalidArgument for
/// another codec, or when its codec_config is not what the codec's specification says.
[[nodiscard]] Result<std::unique_ptr<Muxer>> make_muxer(
    Container container, const media::StreamFormat& format, const Tags& tags
);

}  // namespace aircheck::mux
