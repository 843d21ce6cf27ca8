#include "mux/mp3.hpp"

#include "mux/id3.hpp"
#include "mux/mp3_frame.hpp"

namespace aircheck::mux {

Bytes Mp3Writer::head(State state) const {
    Mp3Info info;
    info.is_complete = state == State::Finished;
    info.frames = frames_;
    info.bytes = body_bytes();
    info.crc = crc_;
    info.samples = total_samples();
    Bytes out = id3_tag(tags());
    ByteWriter(out).bytes(mp3_info_frame(format(), info));
    return out;
}

void Mp3Writer::note(media::EncodedSample& sample) {
    ++frames_;
    crc_ = mp3_crc(sample.data, crc_);
}

}  // namespace aircheck::mux
