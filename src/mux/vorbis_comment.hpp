#pragma once

#include "core/bytes.hpp"
#include "mux/muxer.hpp"

namespace aircheck::mux {

/// Appends the tags as a Vorbis comment header without framing bit: what OpusTags (RFC 7845 §5.2)
/// and FLAC's VORBIS_COMMENT block (RFC 9639 §8.6) hold.
void write_vorbis_comment(Bytes& out, const Tags& tags);

}  // namespace aircheck::mux
