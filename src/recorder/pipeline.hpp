#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "journal/record.hpp"
#include "media/audio_encoder.hpp"
#include "media/mixer.hpp"
#include "mux/muxer.hpp"
#include "mux/ts.hpp"
#include "recorder/job.hpp"
#include "recorder/kept_track.hpp"
#include "recorder/opus_passthrough.hpp"
#include "recorder/track_input.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aircheck::recorder {

/// How HLS segments are made. The encoding's codec is AAC, its channels are the file's; where all
/// of it is the file's, both are made of the same encoded samples.
struct Segmenting {
    Nanoseconds duration = 4s;
    Encoding encoding;
};

/// What an output is made by, beside the records: kept in the journal's header, so that `render`
/// does what the live run did.
struct PipelineSettings {
    Mixing mixing = Mixing::Default;
    std::vector<AudioRoute> routes;  ///< Where tracks are heard, in place of `mixing`.
    Encoding encoding;               ///< Of the file.
    bool makes_file = true;          ///< False: segments alone. `render` always makes the file.
    bool keeps_tracks = false;  ///< Each track's own file beside the mix. Not kept in the journal.
    /// HLS segments of the same mix. Not kept in the journal: `render` makes none.
    std::optional<Segmenting> segments;
    /// A live stream of the same mix: AAC or PCM with the file's channels. Not kept either.
    std::optional<Encoding> stream;
    /// How far the mix runs behind the records' time, and how long a missing packet is waited for:
    /// a recorder is in no hurry. `render --late` waits longer.
    Nanoseconds mix_delay = 1s;
    Nanoseconds jitter_wait = 600ms;

    /// One line of "key=value" pairs, for journal::Header::settings.
    [[nodiscard]] std::string to_string() const;
    /// Reads to_string()'s form; unknown keys are ignored. Errc::Malformed names the pair at fault.
    [[nodiscard]] static Result<PipelineSettings> parse(std::string_view text);
};

/// From journal records to a file, to HLS segments, to a live stream's samples, and to the tracks'
/// own files: jitter buffers, rendering, mixing, encoding, muxing.
///
/// A pure function of settings, header and the sequence of records: live and from a journal the
/// same records give the same bytes. Time moves by the records' own (Tick records when nothing
/// arrives), in steps of half a second; what a step mixed is a fragment. The file begins with the
/// first media and ends with finish(). Lives on one thread, does no I/O, never allocates per packet
/// once warm but for what encoders and muxers need a frame.
class Pipeline {
public:
    struct TrackCounters {
        std::string track_sid;
        std::string identity;
        std::uint64_t lost = 0;
        std::uint64_t late = 0;
        std::uint64_t concealed_samples = 0;
    };
    struct Finished {  ///< Without a file, its duration alone.
        Bytes tail;    ///< To be appended to the body.
        Bytes head;  ///< The finished file's head, in place of header(); empty: header() is right.
        Nanoseconds duration{0};
    };

    /// Errc::InvalidArgument when the encoding is impossible (AAC in OGG, 3 channels, a passthrough
    /// to anything but OGG and MP4, to segments or with the tracks' files, routes to one channel,
    /// segments of other channels than the file's …).
    [[nodiscard]] static Result<std::unique_ptr<Pipeline>> create(
        const PipelineSettings& settings, const journal::Header& header
    );

    /// Takes one record; earlier times than the last one's count as that. Bytes that become ready
    /// are appended to `out`: the output's header comes with the first of them. Errors: the encoder
    /// refused, which ends the recording.
    [[nodiscard]] Result<> feed(const journal::Record& record, Bytes& out);
    /// Renders what is left up to `end` and closes the file. Errc::NotFound: there was no media, so
    /// there is no file.
    [[nodiscard]] Result<Finished> finish(Nanoseconds end);

    /// The segments that are whole, since the last call; the last one comes with finish().
    [[nodiscard]] std::vector<mux::TsSegment> take_segments() {
        return std::exchange(segments_, {});
    }

    /// The live stream's samples since the last call; the last ones come with finish().
    [[nodiscard]] std::vector<media::EncodedSample> take_stream() {
        return std::exchange(stream_, {});
    }
    /// A track was muted or unmuted, where a live stream is made.
    struct Mute {
        Nanoseconds at{0};  ///< Since the journal's start.
        streams::Muted muted = streams::Muted::No;
    };
    /// Those since the last call; the mix comes to them later.
    [[nodiscard]] std::vector<Mute> take_mutes() { return std::exchange(mutes_, {}); }
    /// Of the live stream; null when none is made.
    [[nodiscard]] const media::StreamFormat* stream_format() const {
        return format_for(&Encoder::is_for_stream);
    }
    /// What is new of the tracks' own files, since the last call; the last of it after finish().
    [[nodiscard]] std::vector<TrackPiece> take_track_pieces();

    /// Bytes at the output's beginning that `Finished::head` replaces: the muxer's header. 0 before
    /// the first output, and where nothing is replaced (OGG).
    [[nodiscard]] std::size_t header_bytes() const { return header_bytes_; }
    [[nodiscard]] bool has_media() const { return first_media_.has_value(); }
    /// Where the file's first sample lies, since the journal's start; known once output began.
    [[nodiscard]] std::optional<Nanoseconds> start() const;
    /// Of the media in the output so far.
    [[nodiscard]] Nanoseconds duration() const;
    /// Of all tracks there were, in order of appearance.
    [[nodiscard]] std::vector<TrackCounters> track_counters() const;

private:
    struct Encoder {
        Encoding encoding;
        std::unique_ptr<media::AudioEncoder> encoder;
        bool is_for_file = false;
        bool is_for_segments = false;
        bool is_for_stream = false;
    };

    Pipeline(const PipelineSettings& settings, const journal::Header& header, media::Mixer mixer);

    [[nodiscard]] Result<> advance(Nanoseconds to, Bytes& out);
    [[nodiscard]] Result<> tick(Nanoseconds at, Bytes& out);
    [[nodiscard]] Result<> make_encoders();
    [[nodiscard]] Result<> encode_for(bool Encoder::*output, const Encoding& encoding);
    [[nodiscard]] const media::StreamFormat* format_for(bool Encoder::*output) const;
    [[nodiscard]] Result<> open_segmenter();
    [[nodiscard]] Result<> begin_output(Bytes& out);
    void pack(const Encoder& from);
    [[nodiscard]] Result<> mix_up_to(std::int64_t position, Bytes& out);
    [[nodiscard]] Result<> add_kept(media::EncodedSample sample, Bytes& out);
    [[nodiscard]] Result<Finished> finish_kept(Nanoseconds end);
    [[nodiscard]] Result<> open_muxer(const media::StreamFormat& format, Bytes& out);
    [[nodiscard]] Result<> dispatch_kept(const journal::Record& record);
    [[nodiscard]] bool needs_decoding(const journal::RtpPacket& packet) const;
    [[nodiscard]] Result<> decode_instead();
    void dispatch(const journal::Record& record);
    void start_track(const journal::TrackStart& start);
    void note_mute(const journal::Record& record);
    void take_rtp(const journal::RtpPacket& packet, Nanoseconds at);
    void take_rtcp(BytesView packet, Nanoseconds at);
    void keep_track(TrackInput& input);
    [[nodiscard]] Result<> write_kept_tracks();
    [[nodiscard]] Result<> finish_kept_tracks();
    [[nodiscard]] Result<> drop_finished_tracks();

    PipelineSettings settings_;
    mux::Tags tags_;
    WallTime wall_start_;
    media::Mixer mixer_;
    std::map<journal::TrackIndex, std::shared_ptr<TrackInput>> inputs_;  ///< Shared after a rejoin.
    std::map<std::string, media::Channel> channels_;  ///< By track sid: a rejoin changes nothing.
    std::vector<TrackCounters> finished_tracks_;
    std::vector<std::unique_ptr<KeptTrack>> kept_tracks_;  ///< Of all there were.
    std::optional<OpusPassthrough> kept_;  ///< In place of inputs, mixer and encoder, for Opus.
    std::vector<Encoder> encoders_;        ///< One for each encoding there is.
    std::unique_ptr<mux::Muxer> muxer_;    ///< Of the file.
    std::optional<mux::TsSegmenter> segmenter_;
    std::vector<mux::TsSegment> segments_;
    std::vector<media::EncodedSample> stream_;
    std::vector<Mute> mutes_;
    std::vector<media::EncodedSample> samples_;
    std::vector<float> mixed_samples_;
    Nanoseconds now_{0};
    Nanoseconds next_tick_{0};
    std::optional<Nanoseconds> first_media_;
    bool has_begun_ = false;  ///< Output has.
    std::int64_t zero_ = 0;   ///< Position of the file's first sample; known once output began.
    std::int64_t mixed_ = 0;  ///< Position after the last one mixed.
    std::size_t header_bytes_ = 0;
};

}  // namespace aircheck::recorder
