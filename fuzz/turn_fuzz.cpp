// layers: core net transport
// A TURN server that says anything: as a byte stream, as datagrams, and as URIs.
#include "core/bytes.hpp"
#include "transport/turn_client.hpp"
#include "transport/turn_frames.hpp"
#include "transport/turn_url.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

using namespace aircheck;

/// Answers go back with the transaction id of the newest request, so that some are taken.
struct Talk final : transport::TurnClient::Output {
    explicit Talk(transport::TurnClient::Framing framing)
        : client({"ann", "secret", framing, {}}, *this) {}
    void send_to_server(BytesView message) override {
        if (message.size() > transport::stun::kMaxMessage + 4) __builtin_trap();
        if (message.size() >= 20 && message[0] < 4) {
            std::copy_n(message.begin() + 8, id.size(), id.begin());
        }
    }
    void on_relayed(const net::Endpoint& peer, BytesView packet, Instant at) override {
        client.send(peer, packet, at);
    }
    void hear(BytesView message) {
        Bytes copy(message.begin(), message.end());
        if (copy.size() >= 20 && copy[0] < 4) std::copy(id.begin(), id.end(), copy.begin() + 8);
        now += 10s;
        client.on_message(copy, now);
        client.send({"192.0.2.9", 7882}, as_bytes("packet"), now);
        client.on_tick(now);
    }

    transport::stun::TransactionId id{};
    Instant now{1000s};
    transport::TurnClient client;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView bytes(data, size);
    for (const auto framing :
         {transport::TurnClient::Framing::Datagram, transport::TurnClient::Framing::Stream}) {
        Talk talk(framing);
        talk.client.start(talk.now);
        transport::TurnFrames frames;
        // In two pieces, wherever the first byte says.
        const std::size_t cut = size == 0 ? 0 : std::min<std::size_t>(data[0], size);
        for (const auto piece : {bytes.first(cut), bytes.subspan(cut)}) {
            frames.append(piece);
            while (const auto message = frames.next()) talk.hear(*message);
        }
        talk.hear(bytes);
        talk.client.close(talk.now);
    }
    if (const auto server = transport::parse_turn_url(as_text(bytes))) {
        // What we write, we read.
        const auto again = transport::parse_turn_url(server->to_string());
        if (!again || *again != *server) __builtin_trap();
    }
    return 0;
}
