// layers: rtp
// Any sequence of packets and times through the jitter buffer, the NACK list and the statistics.
// Each step is 4 bytes: what to do, a 16-bit sequence number, milliseconds that pass.

#include "rtp/jitter_buffer.hpp"
#include "rtp/nack.hpp"
#include "rtp/receiver.hpp"

#include <cstdlib>

using namespace aircheck;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

class Driver {
public:
    void step(std::uint8_t what, std::uint16_t number, std::uint8_t milliseconds) {
        now_ += std::chrono::milliseconds(milliseconds);
        if (what % 8 == 7) {
            drain();
            return;
        }
        rtp::PacketView packet;
        // Steps of a few packets reach deep states sooner than jumps to anywhere.
        packet.sequence_number = what % 8 < 5
                                     ? last_.plus(static_cast<std::int8_t>(number) / 16 + 1)
                                     : rtp::SequenceNumber(number);
        last_ = packet.sequence_number;
        packet.timestamp = rtp::RtpTimestamp(packet.sequence_number.value() * 960u);
        const std::uint8_t payload = what;
        if (what != 0) packet.payload = BytesView(&payload, 1);
        buffer_.insert(packet, now_);
        nack_.on_packet(packet.sequence_number, now_);
        statistics_.on_packet(packet, now_);
        require(buffer_.size() <= 2 * kMaxPackets);
    }
    void finish() {
        while (auto frame = buffer_.flush()) check(*frame);
        const auto& counted = buffer_.counters();
        // Every packet is somewhere; one more may be held as a suspect.
        const auto placed =
            counted.released + counted.padding + counted.late + counted.duplicate + counted.dropped;
        require(placed == counted.received || placed + 1 == counted.received);
    }

private:
    static constexpr std::size_t kMaxPackets = 32;

    void drain() {
        while (auto frame = buffer_.pop(now_)) {
            check(*frame);
            buffer_.recycle(std::move(frame->payload));
        }
        std::vector<rtp::SequenceNumber> asked;
        nack_.collect(now_, asked);
        require(asked.size() <= 200);
        static_cast<void>(statistics_.report(now_));
    }
    void check(const rtp::EncodedFrame& frame) {
        require(!frame.payload.empty());
        require(!next_ || frame.sequence >= *next_ + frame.lost_before);
        next_ = frame.sequence + 1;
    }

    rtp::JitterBuffer buffer_{{.max_packets = kMaxPackets}};
    rtp::NackGenerator nack_;
    rtp::ReceiveStatistics statistics_{1, 48000};
    rtp::SequenceNumber last_{65500};
    Instant now_;
    std::optional<std::int64_t> next_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Driver driver;
    for (std::size_t i = 0; i + 4 <= size; i += 4) {
        driver.step(
            data[i], static_cast<std::uint16_t>(data[i + 1] << 8 | data[i + 2]), data[i + 3]
        );
    }
    driver.finish();
    return 0;
}
