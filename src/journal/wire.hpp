#pragma once

#include "core/bytes.hpp"
#include "journal/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Shared by the encoder and the decoder of records: numbers of the format, texts with their
/// lengths.
namespace aircheck::journal {

/// "\x89ACJ\r\n\x1a\n": not text, and changed by every transfer that takes it for text.
inline constexpr std::uint8_t kMagic[8] = {0x89, 'A', 'C', 'J', '\r', '\n', 0x1a, '\n'};
/// Magic, version, length of the fields, checksum of all the rest.
inline constexpr std::size_t kFileHeaderBytes = 18;
/// First byte of each record: what a reader looks for after damage.
inline constexpr std::uint8_t kSync = 0xac;

/// The types' numbers on file; never used again for something else.
enum class RecordType : std::uint8_t {
    ParticipantJoined = 1,
    ParticipantLeft = 2,
    TrackStart = 3,
    TrackEnd = 4,
    TrackMute = 5,
    TrackUnmute = 6,
    RtpPacket = 7,
    RtcpPacket = 8,
    Gap = 9,
    Pause = 10,
    Resume = 11,
    RoomEvent = 12,
    Tick = 13,
    End = 14,
};

/// Size of the whole record that encode() put at the start of `bytes`; for our own buffers only.
[[nodiscard]] inline std::size_t encoded_size(BytesView bytes) {
    return kRecordHeaderBytes +
           (std::size_t{bytes[2]} << 16 | std::size_t{bytes[3]} << 8 | std::size_t{bytes[4]});
}

/// Writes the format's compound fields; remembers when one did not fit.
class FieldWriter {
public:
    explicit FieldWriter(Bytes& out) : out_(out) {}

    void u8(std::uint8_t value) { out_.u8(value); }
    void u16(std::uint16_t value) { out_.u16(value); }
    void u32(std::uint32_t value) { out_.u32(value); }
    void i64(std::int64_t value) { out_.u64(static_cast<std::uint64_t>(value)); }
    void bytes(BytesView value) { out_.bytes(value); }
    /// 16 bits of length, then the text.
    void text(std::string_view value) {
        if (count16(value.size())) out_.text(value);
    }
    /// 32 bits of length, then the text.
    void long_text(std::string_view value) {
        out_.u32(static_cast<std::uint32_t>(value.size()));
        out_.text(value);
    }
    /// How many elements follow; false (and not ok) when 16 bits can't tell.
    bool count16(std::size_t count) {
        if (count > 0xffff)
            fits_ = false;
        else
            out_.u16(static_cast<std::uint16_t>(count));
        return fits_;
    }
    [[nodiscard]] bool fits() const { return fits_; }

private:
    ByteWriter out_;
    bool fits_ = true;
};

/// Reads them back; see ByteReader for what happens at the end.
class FieldReader {
public:
    explicit FieldReader(BytesView bytes) : in_(bytes) {}

    std::uint8_t u8() { return in_.u8(); }
    std::uint16_t u16() { return in_.u16(); }
    std::uint32_t u32() { return in_.u32(); }
    std::int64_t i64() { return static_cast<std::int64_t>(in_.u64()); }
    std::string text() { return std::string(as_text(in_.bytes(in_.u16()))); }
    std::string long_text() { return std::string(as_text(in_.bytes(in_.u32()))); }
    BytesView rest() { return in_.bytes(in_.remaining()); }
    [[nodiscard]] bool ok() const { return in_.ok(); }

private:
    ByteReader in_;
};

}  // namespace aircheck::journal
