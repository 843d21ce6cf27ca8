#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "media/sample.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace aircheck::mux {

/// MPEG transport stream (ISO/IEC 13818-1) of one AAC stream, as ADTS frames (ISO/IEC 13818-7
/// annex) in PES packets of about 60 ms, each with a PCR. PTS 90000 (one second) is the sample at
/// pts 0, so the priming comes before it; clocks wrap after 26.5 hours as the standard says.
///
/// A pure function of its input; never fails once created; lives on one thread. A sample whose pts
/// does not rise, or which ADTS cannot hold (8184 bytes), is dropped and counted.
class TsWriter {
public:
    /// Errc::InvalidArgument: the stream is no AAC that ADTS can tell of (AAC-LC, one of the
    /// standard's sample rates).
    [[nodiscard]] static Result<TsWriter> create(const media::StreamFormat& format);

    /// Appends a program association and a program map table. May come at any time between samples:
    /// a player starts at them.
    void write_tables(Bytes& out);
    /// Whether `add` would drop it.
    [[nodiscard]] bool drops(const media::EncodedSample& sample) const;
    /// Takes a sample; appends a PES packet when one is full.
    void add(const media::EncodedSample& sample, Bytes& out);
    /// Appends what waits.
    void flush(Bytes& out);

    [[nodiscard]] std::uint64_t dropped_samples() const { return dropped_; }
    [[nodiscard]] const media::StreamFormat& format() const { return format_; }

private:
    explicit TsWriter(media::StreamFormat format) : format_(std::move(format)) {}

    void write_section(Bytes& out, std::uint16_t pid, std::uint8_t& counter, BytesView section);
    void write_pes(Bytes& out, BytesView pes, std::int64_t clock);
    void write_clock(Bytes& out, std::int64_t clock);

    media::StreamFormat format_;
    std::uint8_t table_counter_ = 0;  ///< Continuity counters (§2.4.3.3), one for each PID.
    std::uint8_t map_counter_ = 0;
    std::uint8_t audio_counter_ = 0;
    Bytes waiting_;  ///< ADTS frames of the next PES packet.
    std::int64_t waiting_pts_ = 0;
    std::optional<std::int64_t> last_pts_;
    std::optional<std::int64_t> last_clock_;  ///< The newest PCR, at 90 kHz.
    std::uint64_t dropped_ = 0;
};

/// A transport stream without end, for SRT and its like: the tables come again every 400 ms, so
/// that a receiver may start anywhere.
class TsStream {
public:
    /// As TsWriter::create.
    [[nodiscard]] static Result<TsStream> create(const media::StreamFormat& format);

    void add(const media::EncodedSample& sample, Bytes& out);
    /// Appends what waits: at the end, or before a pause.
    void flush(Bytes& out) { writer_.flush(out); }
    [[nodiscard]] std::uint64_t dropped_samples() const { return writer_.dropped_samples(); }

private:
    explicit TsStream(TsWriter writer) : writer_(std::move(writer)) {}

    TsWriter writer_;
    std::optional<std::int64_t> tables_clock_;  ///< When they were last written, at 90 kHz.
};

/// One HLS segment: a transport stream that plays by itself.
struct TsSegment {
    std::uint32_t index = 0;  ///< From 0.
    Bytes bytes;
    std::int64_t start_pts = 0;  ///< In samples at the stream's rate; the first one's is -priming.
    std::int64_t duration_samples = 0;
    Nanoseconds duration{};
    WallTime start{};  ///< When its first sample was heard.
};

/// Cuts an AAC stream into HLS segments. A segment ends before the first sample at or after a
/// multiple of `segment_duration`, begins with the tables, and goes on with the last one's
/// continuity counters and clocks. Holds one segment in memory.
class TsSegmenter {
public:
    struct Settings {
        Nanoseconds segment_duration = 4s;  ///< 1 s or more.
        WallTime start{};                   ///< The wall time of pts 0.
    };

    /// As TsWriter::create; Errc::InvalidArgument also for a `segment_duration` below 1 s.
    [[nodiscard]] static Result<TsSegmenter> create(
        const media::StreamFormat& format, const Settings& settings
    );

    /// Takes a sample; appends the segment that ends before it, if one does.
    void add(const media::EncodedSample& sample, std::vector<TsSegment>& out);
    /// Appends the last segment, if it holds anything. No call to `add` may follow.
    void finish(std::vector<TsSegment>& out);

    [[nodiscard]] std::uint64_t dropped_samples() const { return writer_.dropped_samples(); }

private:
    TsSegmenter(TsWriter writer, const Settings& settings);

    void open(std::int64_t pts);
    void close(std::int64_t end_pts, std::vector<TsSegment>& out);

    TsWriter writer_;
    Settings settings_;
    TsSegment segment_;
    bool is_open_ = false;
    std::uint32_t next_index_ = 0;
    std::int64_t cut_pts_ = 0;  ///< The first sample at or after this begins a segment.
    std::int64_t end_pts_ = 0;  ///< Where the newest sample ends.
};

}  // namespace aircheck::mux
