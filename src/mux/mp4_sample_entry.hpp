#pragma once

#include "core/bytes.hpp"
#include "media/sample.hpp"

namespace aircheck::mux {

/// The AudioSampleEntry of `stsd` (ISO/IEC 14496-12 §12.2.3): `mp4a` with `esds` (14496-14 §6.7),
/// or `Opus` with `dOps` (Encapsulation of Opus in ISOBMFF §4.3). `format` has passed make_muxer's
/// checks.
void write_sample_entry(Bytes& out, const media::StreamFormat& format);

}  // namespace aircheck::mux
