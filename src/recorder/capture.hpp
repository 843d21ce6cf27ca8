#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "journal/writer.hpp"
#include "recorder/job.hpp"
#include "recorder/journal_past.hpp"
#include "recorder/pipeline.hpp"
#include "signal/room.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// The codec of a track of sound, as the room says it, when nothing here decodes it; else "". RED
/// counts as Opus, which the server makes of it.
[[nodiscard]] std::string unknown_codec_of(const signal::Track& track);

/// What happens in the room, as journal records: each is put in the journal first and then into the
/// pipeline. Knows which SSRC is which track. Lives on the recording's thread.
class Capture {
public:
    struct Options {
        std::unique_ptr<journal::SegmentStore> store;
        journal::Header header;  ///< Its settings are written by create().
        PipelineSettings settings;
        Nanoseconds segment_every{0};  ///< Of the journal; zero: it has one segment.
    };

    /// Errors: the journal cannot be made, or the encoding is impossible.
    [[nodiscard]] static Result<std::unique_ptr<Capture>> create(Options options, Instant now);
    /// Goes on with the journal that `past` tells of, whose zero is at `origin`, in its next
    /// segment; the header's settings count, all else in it is `past`'s. The pipeline is behind
    /// until catch_up(): what happens is put in the journal, and kept for it.
    [[nodiscard]] static Result<std::unique_ptr<Capture>> resume(
        Options options, const JournalPast& past, Instant origin, Instant now
    );
    /// The pipeline that took the past, which takes what has happened since, too.
    [[nodiscard]] Result<> catch_up(std::unique_ptr<Pipeline> pipeline);

    // What the room tells. Errors of a call: the journal's or the encoder's, which end the
    // recording.
    [[nodiscard]] Result<> on_participant(const signal::Participant& participant, Instant now);
    [[nodiscard]] Result<> on_participant_left(
        const std::string& sid, const std::string& identity, Instant now
    );
    [[nodiscard]] Result<> on_track(
        const std::string& participant_sid, const signal::Track& track, Instant now
    );
    [[nodiscard]] Result<> on_track_gone(const std::string& sid, Instant now);
    [[nodiscard]] Result<> on_mapping(
        const std::vector<signal::TrackMapping>& mapping, Instant now
    );
    [[nodiscard]] Result<> on_rtp(std::uint32_t ssrc, BytesView packet, Instant arrival);
    [[nodiscard]] Result<> on_rtcp(BytesView packet, Instant arrival);
    [[nodiscard]] Result<> on_gap(Instant start, Instant end, journal::GapReason reason);
    [[nodiscard]] Result<> on_event(journal::RoomEvent event, Instant now) {
        return put(now, std::move(event));
    }
    /// Time has passed; writes to disk what is due.
    [[nodiscard]] Result<> tick(Instant now);

    /// The output's bytes since the last call.
    [[nodiscard]] Bytes take_output() { return std::exchange(output_, {}); }
    [[nodiscard]] std::vector<mux::TsSegment> take_segments() { return pipeline_->take_segments(); }
    [[nodiscard]] std::vector<media::EncodedSample> take_stream() {
        return pipeline_->take_stream();
    }
    [[nodiscard]] std::vector<Pipeline::Mute> take_mutes() { return pipeline_->take_mutes(); }
    [[nodiscard]] std::vector<TrackPiece> take_track_pieces() {
        return pipeline_->take_track_pieces();
    }
    /// Closes the journal and the output; NotFound when there was no media.
    [[nodiscard]] Result<Pipeline::Finished> finish(Instant now, std::string reason);

    [[nodiscard]] const Pipeline& pipeline() const { return *pipeline_; }
    /// What is received now: the clock's rate of each SSRC's RTP time, in Hz.
    [[nodiscard]] std::map<std::uint32_t, std::uint32_t> ssrcs() const;
    [[nodiscard]] std::vector<TrackSummary> tracks() const;
    [[nodiscard]] bool has_encrypted_track() const;
    [[nodiscard]] WallTime wall_time(Nanoseconds at) const { return wall_start_ + at; }
    [[nodiscard]] Nanoseconds since_start(Instant now) const { return now - start_; }
    [[nodiscard]] std::uint64_t journal_bytes() const { return writer_.counters().bytes_written; }
    [[nodiscard]] std::uint64_t packets_received() const { return packets_; }
    [[nodiscard]] std::uint64_t unknown_packets() const { return unknown_packets_; }
    /// Records that the journal's format cannot hold: in the output, but not in the journal.
    [[nodiscard]] std::uint64_t unkept_records() const { return unkept_records_; }

private:
    struct Known {
        signal::Track track;
        std::string participant_sid;
        std::uint64_t packets = 0;
        bool gone = false;
    };
    struct Stream {
        journal::TrackIndex index = 0;
        std::string track_sid;
        bool mapped = false;
        Known* known = nullptr;  ///< Map nodes stay where they are.
    };

    Capture(
        journal::Writer writer, std::unique_ptr<Pipeline> pipeline, const journal::Header& header
    );

    [[nodiscard]] Result<> put(Instant at, journal::Body body);
    void recall(const JournalPast& past);
    [[nodiscard]] Result<> start_mapped_tracks(Instant now);
    [[nodiscard]] Result<> start_stream(const signal::TrackMapping& mapping, Instant now);

    journal::Writer writer_;
    std::unique_ptr<Pipeline> pipeline_;
    Instant start_;
    WallTime wall_start_;
    Instant last_record_;
    Bytes output_;
    bool is_behind_ = false;
    Bytes backlog_;  ///< Records that the pipeline has not taken, while it is behind.
    std::map<std::string, signal::Participant> participants_;  ///< By sid.
    std::map<std::string, Known> tracks_;                      ///< By sid.
    std::map<std::uint32_t, Stream> streams_;                  ///< By SSRC.
    std::vector<signal::TrackMapping> mapping_;
    journal::TrackIndex next_index_ = 0;
    std::uint64_t packets_ = 0;
    std::uint64_t unknown_packets_ = 0;
    std::uint64_t unkept_records_ = 0;
};

}  // namespace aircheck::recorder
