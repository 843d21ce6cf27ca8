// One track kept as it came, in place of mixing and encoding.
#include "recorder/pipeline.hpp"
#include "recorder/pipeline_time.hpp"
#include "rtp/packet.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {

Result<> Pipeline::dispatch_kept(const journal::Record& record) {
    if (const auto* packet = std::get_if<journal::RtpPacket>(&record.body)) {
        if (!kept_->format() && needs_decoding(*packet)) {
            AC_CHECK_OK(decode_instead());
            dispatch(record);
            return {};
        }
        const bool is_media = kept_->take(packet->track, packet->packet, record.instant());
        if (is_media && !first_media_) first_media_ = now_;
    } else if (const auto* start = std::get_if<journal::TrackStart>(&record.body)) {
        kept_->start(*start, record.instant());
    } else if (const auto* end = std::get_if<journal::TrackEnd>(&record.body)) {
        kept_->end(end->track, record.instant());
    }
    return {};
}

/// Of the kept track, and of a codec that the output cannot hold.
bool Pipeline::needs_decoding(const journal::RtpPacket& packet) const {
    const auto& track = kept_->track();
    if (!track || track->track != packet.track) return false;
    const auto view = rtp::PacketView::parse(packet.packet);
    if (!view || view->ssrc != track->ssrc) return false;
    const auto codec = codec_of(*track, view->payload_type);
    return codec && *codec != media::TrackCodec::Opus;
}

/// G.711 goes as Opus into the same container: it is mixed, alone.
Result<> Pipeline::decode_instead() {
    const journal::TrackStart start = *kept_->track();
    kept_.reset();
    Encoding encoding;
    encoding.container = settings_.encoding.container;
    encoding.codec = AudioCodec::Opus;
    settings_.encoding = encoding;
    media::Mixer::Settings mixing;
    mixing.channels = encoding.channels;
    AC_TRY(mixer_, media::Mixer::create(mixing));
    AC_CHECK_OK(make_encoders());
    start_track(start);
    return {};
}

Result<> Pipeline::add_kept(media::EncodedSample sample, Bytes& out) {
    if (!muxer_) {
        const std::int64_t first = position_of(kept_->first_arrival()->time_since_epoch());
        zero_ = mixed_ = std::max(first, std::int64_t{0});
        has_begun_ = true;
        AC_CHECK_OK(open_muxer(*kept_->format(), out));
    }
    mixed_ += sample.duration;
    muxer_->add(std::move(sample));
    return {};
}

Result<Pipeline::Finished> Pipeline::finish_kept(Nanoseconds end) {
    Bytes out;
    media::EncodedSample sample;
    while (kept_->flush(Instant(end), sample)) AC_CHECK_OK(add_kept(std::move(sample), out));
    if (!muxer_) return fail(Errc::NotFound, "no media was received");
    mux::Finished closed = muxer_->finish();
    out.insert(out.end(), closed.tail.begin(), closed.tail.end());
    return Finished{std::move(out), std::move(closed.head_replacement), muxer_->duration()};
}

}  // namespace aircheck::recorder
