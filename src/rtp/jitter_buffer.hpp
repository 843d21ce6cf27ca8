#pragma once

#include "core/time.hpp"
#include "rtp/frame.hpp"
#include "rtp/packet.hpp"
#include "rtp/sequence_number.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace aircheck::rtp {

/// Reorders the packets of one SSRC and hands them out in sequence order, one frame a packet.
///
/// A missing packet is waited for at most `max_wait` after the first newer one arrived, then given
/// up; packets that come later still are dropped and counted as late. Duplicates are dropped.
/// Packets without payload (padding) count as received and give no frame. A jump past kMaxDropout,
/// or further back than kMaxMisorder, is held until the next packet follows it: then the sender has
/// restarted, what is buffered comes out first, and the first frame after it has `restarted` set
/// (an outage that long looks the same). A new SSRC takes a new JitterBuffer. Lives on the
/// recording's thread (not thread-safe). Never blocks, never fails, reads no clock; does not
/// allocate once warm if payloads are given back by recycle(). Source: RFC 3550 §5.1, §A.1.
class JitterBuffer {
public:
    static constexpr int kMaxDropout = 3000;   ///< Packets (RFC 3550 §A.1).
    static constexpr int kMaxMisorder = 1000;  ///< Packets; §A.1's 100 is too few with NACKs.

    struct Limits {
        std::chrono::milliseconds max_wait{800};  ///< A recorder is in no hurry.
        /// When more are held, the oldest gap is given up at once; when twice as many are held
        /// because nobody calls pop(), further ones are dropped.
        std::size_t max_packets = 512;
    };
    struct Counters {
        std::uint64_t received = 0;   ///< All packets given to insert().
        std::uint64_t released = 0;   ///< Frames handed out.
        std::uint64_t padding = 0;    ///< Packets without payload.
        std::uint64_t late = 0;       ///< Came after they had been given up, or were handed out.
        std::uint64_t duplicate = 0;  ///< Were already in the buffer.
        std::uint64_t lost = 0;       ///< Sequence numbers given up; late ones included.
        std::uint64_t reordered = 0;  ///< Came in time, after a newer one.
        std::uint64_t restarts = 0;
        std::uint64_t dropped = 0;  ///< For want of room, or a jump that nothing followed.
    };
    enum class Inserted {
        Buffered,
        Padding,     ///< No payload: counted, gives no frame.
        Late,        ///< Older than what was handed out: dropped.
        Duplicate,   ///< Already held: dropped.
        Suspicious,  ///< Far off: held back until the next packet confirms or refutes a restart.
        Dropped,     ///< The buffer is full.
    };

    JitterBuffer() : JitterBuffer(Limits{}) {}
    explicit JitterBuffer(Limits limits);

    /// Copies the payload. Waits are counted from `arrival`.
    Inserted insert(const PacketView& packet, Instant arrival);

    /// The next frame in order, or empty when nothing may be released at `now`: call it until
    /// empty.
    [[nodiscard]] std::optional<EncodedFrame> pop(Instant now);
    /// The next frame whatever is missing before it: at the end of a track, call it until empty.
    [[nodiscard]] std::optional<EncodedFrame> flush();
    /// When the gap at the front will be given up; empty when nothing waits.
    [[nodiscard]] std::optional<Instant> deadline() const;

    /// Takes back a payload's memory for later packets.
    void recycle(Bytes payload);

    [[nodiscard]] std::size_t size() const { return entries_.size() - front_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    struct Suspect {
        EncodedFrame frame;
        SequenceNumber next;  ///< The number that would confirm it.
    };

    [[nodiscard]] EncodedFrame make_frame(const PacketView& packet, Instant arrival);
    Inserted hold_suspect(const PacketView& packet, Instant arrival);
    Inserted place(EncodedFrame frame);
    Inserted reject_late(EncodedFrame frame);
    void restart_with(EncodedFrame first, SequenceNumber number);
    [[nodiscard]] std::optional<EncodedFrame> take_front();
    void note_front();

    Limits limits_;
    Counters counters_;
    SequenceUnwrapper unwrapper_;       ///< Follows the highest number received.
    std::int64_t sequence_offset_ = 0;  ///< From the unwrapper's numbers to ours: restarts move it.
    TimestampUnwrapper timestamps_;     ///< Follows the frames handed out.
    std::vector<EncodedFrame> entries_;  ///< In sequence order from `front_`; timestamps still raw.
    std::size_t front_ = 0;
    bool started_ = false;
    bool advanced_ = false;     ///< Past the first number: nothing may be put before it any more.
    std::int64_t highest_ = 0;  ///< Highest sequence received.
    std::int64_t next_ = 0;     ///< Sequence due next.
    std::int64_t floor_;        ///< First sequence since the last restart; older ones are late.
    std::optional<Instant> waiting_since_;  ///< When the gap at the front was seen.
    std::uint32_t lost_before_next_ = 0;    ///< Given up since the last frame.
    bool restarted_before_next_ = false;
    std::optional<Suspect> suspect_;
    std::int64_t late_run_next_ = 0;
    int late_run_ = 0;  ///< Late packets in a row, each following the one before.
    std::vector<Bytes> spare_;
};

}  // namespace aircheck::rtp
