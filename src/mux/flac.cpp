#include "mux/flac.hpp"

#include "mux/vorbis_comment.hpp"

#include <algorithm>

namespace aircheck::mux {
namespace {

constexpr std::size_t kStreamInfoBytes = 34;
constexpr std::size_t kBlockSizesBytes = 4;
constexpr std::size_t kChecksumAt = 18;
constexpr std::size_t kChecksumBytes = 16;
constexpr std::uint8_t kStreamInfo = 0;
constexpr std::uint8_t kVorbisComment = 4;
constexpr std::uint8_t kLastBlock = 0x80;

void put_block(Bytes& out, std::uint8_t type, BytesView body) {
    ByteWriter writer(out);
    writer.u8(type);
    writer.u24(static_cast<std::uint32_t>(body.size()));
    writer.bytes(body);
}

}  // namespace

Bytes FlacWriter::head(State state) const {
    const bool is_finished = state == State::Finished;
    const BytesView known(format().codec_config);
    Bytes info;
    ByteWriter writer(info);
    writer.bytes(known.first(kBlockSizesBytes));
    writer.u24(is_finished ? smallest_frame_ : 0);
    writer.u24(is_finished ? largest_frame_ : 0);
    // 20 bits of rate, 3 of channels - 1, 5 of bits - 1, 36 of samples (0: unknown).
    constexpr std::uint64_t kBitsPerSample = 16;
    constexpr std::int64_t kMaxSamples = 0xfffffffff;
    const std::int64_t total = total_samples() > kMaxSamples ? 0 : total_samples();
    writer.u64(
        std::uint64_t{format().sample_rate_hz} << 44 |
        static_cast<std::uint64_t>(format().channels - 1) << 41 | (kBitsPerSample - 1) << 36 |
        static_cast<std::uint64_t>(is_finished ? total : 0)
    );
    const bool is_whole = is_finished && dropped_samples() == 0 && !checksum_.empty();
    writer.bytes(is_whole ? checksum_ : Bytes(kChecksumBytes, 0));

    Bytes comment;
    write_vorbis_comment(comment, tags());
    Bytes out;
    ByteWriter(out).text("fLaC");
    put_block(out, kStreamInfo, info);
    put_block(out, kVorbisComment | kLastBlock, comment);
    return out;
}

void FlacWriter::note(media::EncodedSample& sample) {
    const auto size = static_cast<std::uint32_t>(sample.data.size());
    smallest_frame_ = largest_frame_ == 0 ? size : std::min(smallest_frame_, size);
    largest_frame_ = std::max(largest_frame_, size);
    if (sample.final_config.size() != kStreamInfoBytes) return;
    const auto checksum = sample.final_config.begin() + kChecksumAt;
    checksum_.assign(checksum, checksum + kChecksumBytes);
}

}  // namespace aircheck::mux
