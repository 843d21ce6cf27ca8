#pragma once

#include "core/bytes.hpp"
#include "mux/muxer.hpp"

namespace aircheck::mux {

/// The tags as ID3v2.4 in UTF-8, to stand at an MP3 file's beginning.
[[nodiscard]] Bytes id3_tag(const Tags& tags);

}  // namespace aircheck::mux
