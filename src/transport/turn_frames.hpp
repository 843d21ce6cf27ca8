#pragma once

#include "core/bytes.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace aircheck::transport {

/// ChannelData's header, and the numbers that channels have (RFC 8656 §12).
inline constexpr std::size_t kChannelHeader = 4;
inline constexpr std::uint16_t kFirstChannel = 0x4000, kLastChannel = 0x4fff;

/// Cuts a TURN server's byte stream (TCP or TLS) into STUN messages and ChannelData, which are
/// padded to four bytes there (RFC 8656 §12.5).
///
/// A stream that is neither is broken for good, as nothing says where the next message begins.
/// Messages longer than a packet of ours may be are passed over and counted. Holds at most one
/// message and what one append() brought. Sans-I/O; not thread-safe.
class TurnFrames {
public:
    void append(BytesView bytes);
    /// The next message, borrowed until the next call of next() or append(); nothing: more bytes
    /// are needed, or is_broken().
    [[nodiscard]] std::optional<BytesView> next();
    [[nodiscard]] bool is_broken() const { return is_broken_; }
    [[nodiscard]] std::uint64_t passed_over() const { return passed_over_; }

private:
    void compact();

    Bytes buffer_;
    std::size_t taken_ = 0;
    std::size_t to_skip_ = 0;
    std::uint64_t passed_over_ = 0;
    bool is_broken_ = false;
};

}  // namespace aircheck::transport
