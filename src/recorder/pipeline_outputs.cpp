// What a pipeline's mix becomes: encoders, the file's muxer, the segmenter.
#include "recorder/pipeline.hpp"
#include "recorder/pipeline_time.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

/// A pre-roll that arrives in a burst lies before its own arrival; more than this is cut.
constexpr std::int64_t kMaxPreroll = media::kTimelineRate;

mux::Container to_mux(Container container) {
    switch (container) {
        case Container::Mp4:
            return mux::Container::Mp4;
        case Container::Ogg:
            return mux::Container::Ogg;
        case Container::Mp3:
            return mux::Container::Mp3;
        case Container::Wav:
            return mux::Container::Wav;
        case Container::Flac:
            return mux::Container::Flac;
    }
    return mux::Container::Mp4;
}

media::Codec to_media(AudioCodec codec) {
    switch (codec) {
        case AudioCodec::Aac:
            return media::Codec::Aac;
        case AudioCodec::Opus:
        case AudioCodec::OpusPassthrough:
            return media::Codec::Opus;
        case AudioCodec::Mp3:
            return media::Codec::Mp3;
        case AudioCodec::Pcm:
            return media::Codec::Pcm;
        case AudioCodec::Flac:
            return media::Codec::Flac;
    }
    return media::Codec::Aac;
}

Result<std::unique_ptr<media::AudioEncoder>> make_encoder(const Encoding& encoding) {
    media::EncoderSettings settings;
    settings.codec = to_media(encoding.codec);
    settings.channels = encoding.channels;
    settings.sample_rate_hz = encoding.sample_rate_hz;
    settings.bitrate_bps = encoding.bitrate_bps;
    return media::AudioEncoder::create(settings);
}

bool is_same_stream(const Encoding& a, const Encoding& b) {
    return a.codec == b.codec && a.channels == b.channels && a.bitrate_bps == b.bitrate_bps &&
           a.sample_rate_hz == b.sample_rate_hz;
}

}  // namespace

/// An output takes the samples of another with the same encoding.
Result<> Pipeline::encode_for(bool Encoder::*output, const Encoding& encoding) {
    if (encoding.channels != settings_.encoding.channels) {
        return fail(Errc::InvalidArgument, "segments and streams have the file's channels");
    }
    for (Encoder& each : encoders_) {
        if (!is_same_stream(each.encoding, encoding)) continue;
        each.*output = true;
        return {};
    }
    Encoder made;
    made.encoding = encoding;
    AC_TRY(made.encoder, make_encoder(encoding));
    made.*output = true;
    encoders_.push_back(std::move(made));
    return {};
}

const media::StreamFormat* Pipeline::format_for(bool Encoder::*output) const {
    for (const Encoder& each : encoders_) {
        if (each.*output) return &each.encoder->format();
    }
    return nullptr;
}

/// Muxer and segmenter themselves are made with the first output, when the start's wall time is
/// known; whether they can hold the stream has to be known now.
Result<> Pipeline::make_encoders() {
    if (settings_.makes_file) {
        AC_CHECK_OK(encode_for(&Encoder::is_for_file, settings_.encoding));
        const mux::Container container = to_mux(settings_.encoding.container);
        AC_TRY(auto probe, mux::make_muxer(container, *format_for(&Encoder::is_for_file), tags_));
        probe.reset();
    }
    if (settings_.stream) {
        AC_CHECK_OK(encode_for(&Encoder::is_for_stream, *settings_.stream));
    }
    if (!settings_.segments) return {};
    AC_CHECK_OK(encode_for(&Encoder::is_for_segments, settings_.segments->encoding));
    return open_segmenter();
}

Result<> Pipeline::open_segmenter() {
    mux::TsSegmenter::Settings cutting;
    cutting.segment_duration = settings_.segments->duration;
    cutting.start = wall_start_ + time_of(zero_);
    AC_TRY(segmenter_, mux::TsSegmenter::create(*format_for(&Encoder::is_for_segments), cutting));
    return {};
}

Result<> Pipeline::begin_output(Bytes& out) {
    const std::int64_t first = position_of(*first_media_);
    zero_ = first;
    for (const auto& [index, input] : inputs_) {
        if (const auto position = input->first_position()) zero_ = std::min(zero_, *position);
    }
    zero_ = std::max({zero_, first - kMaxPreroll, std::int64_t{0}});
    mixed_ = zero_;
    has_begun_ = true;
    if (segmenter_) AC_CHECK_OK(open_segmenter());
    if (!settings_.makes_file) return {};
    return open_muxer(*format_for(&Encoder::is_for_file), out);
}

Result<> Pipeline::open_muxer(const media::StreamFormat& format, Bytes& out) {
    tags_.created = wall_start_ + time_of(zero_);
    const Container container = settings_.encoding.container;
    AC_TRY(muxer_, mux::make_muxer(to_mux(container), format, tags_));
    const Bytes header = muxer_->header();
    header_bytes_ = container == Container::Ogg ? 0 : header.size();
    out.insert(out.end(), header.begin(), header.end());
    return {};
}

void Pipeline::pack(const Encoder& from) {
    for (media::EncodedSample& sample : samples_) {
        if (from.is_for_segments) segmenter_->add(sample, segments_);
        if (from.is_for_stream) stream_.push_back(sample);
        if (from.is_for_file) muxer_->add(std::move(sample));
    }
}

}  // namespace aircheck::recorder
