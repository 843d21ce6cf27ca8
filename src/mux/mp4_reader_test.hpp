#pragma once

#include "core/bytes.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aircheck::mux::testing {

/// A box as the tests read it; shares no code with the writer.
struct ReadBox {
    std::string type;
    std::size_t offset = 0;  ///< Of the box's first byte, in the file.
    std::size_t size = 0;
    std::size_t header_size = 8;
    Bytes body;  ///< Without the header; not kept for mdat.
    std::vector<ReadBox> children;

    /// The box at a path of types ("trak/mdia/mdhd"); fails the test when there is none.
    [[nodiscard]] const ReadBox& at(const std::string& path) const;
    [[nodiscard]] bool has(const std::string& path) const;
    [[nodiscard]] std::uint64_t number(std::size_t offset_in_body, std::size_t width) const;
};

/// All whole boxes of `file`; reading stops at the first one that is cut.
[[nodiscard]] ReadBox read_boxes(BytesView file);
/// "ftyp moov mdat".
[[nodiscard]] std::string types_of(const ReadBox& parent);

struct ReadSample {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t duration = 0;
};
/// What moov's sample tables say, sample by sample.
[[nodiscard]] std::vector<ReadSample> samples_of_tables(const ReadBox& file);
/// What the fragments say.
[[nodiscard]] std::vector<ReadSample> samples_of_fragments(const ReadBox& file);

}  // namespace aircheck::mux::testing
