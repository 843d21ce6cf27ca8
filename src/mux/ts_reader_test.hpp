#pragma once

#include "core/bytes.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace aircheck::mux::testing {

/// What a transport stream holds, read packet by packet as ISO/IEC 13818-1 tells; every rule that
/// is broken fails the test. Streams that follow one another are read by one reader, so that it
/// sees continuity counters go on.
class TsReader {
public:
    struct Pes {
        std::int64_t pts = 0;  ///< At 90 kHz.
        Bytes payload;
    };
    struct Clock {
        std::size_t packet = 0;  ///< Of how many before it.
        std::int64_t base = 0;   ///< At 90 kHz.
        bool is_alone = false;   ///< In a packet without payload.
    };

    void read(BytesView stream);

    std::vector<Pes> pes;
    std::vector<Clock> clocks;
    std::vector<std::size_t> tables;  ///< At which packets a program association begins.
    std::uint8_t stream_type = 0;

private:
    void read_packet(BytesView packet);
    void read_section(std::uint16_t pid, BytesView payload);
    void read_audio(BytesView payload, bool begins);

    std::size_t packets_ = 0;
    std::map<std::uint16_t, unsigned> counters_;
    std::optional<std::uint16_t> map_pid_;
    std::optional<std::uint16_t> audio_pid_;
    std::size_t announced_ = 0;  ///< Bytes that the newest PES packet is to have after its length.
};

/// An ADTS frame (ISO 14496-3 §1.A.3.2) and what its header says.
struct AdtsFrame {
    unsigned frequency_index = 0;
    unsigned channels = 0;
    unsigned profile = 0;
    Bytes payload;
};
[[nodiscard]] std::vector<AdtsFrame> read_adts(BytesView bytes);

}  // namespace aircheck::mux::testing
