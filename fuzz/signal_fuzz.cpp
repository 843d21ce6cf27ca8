// layers: signal
#include "core/bytes.hpp"
#include "signal/room.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace aircheck;
using namespace aircheck::signal;

namespace {

LocalParameters ours() {
    LocalParameters local;
    local.ice_ufrag = "ours";
    local.ice_pwd = "0123456789abcdefghijkl";
    for (int i = 0; i < 32; ++i) local.fingerprint += i == 0 ? "AB" : ":AB";
    return local;
}

}  // namespace

// A script for a session: each step is one byte for what happens, two for a length, and the bytes
// of a message. Whatever the server says, nothing follows an end, and sockets are numbered upwards.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    RoomOptions options;
    options.server_url = "ws://server";
    options.mint_token = [] { return std::string("token"); };
    RoomSession session(std::move(options));
    Instant now{std::chrono::hours(1)};
    SocketNumber socket = 0;
    bool has_ended = false;
    const auto drain = [&] {
        for (const RoomEvent& event : session.take_events()) {
            if (has_ended) std::abort();
            if (const auto* connect = std::get_if<Connect>(&event)) {
                if (connect->socket <= socket) std::abort();
                socket = connect->socket;
            }
            if (const auto* offer = std::get_if<RemoteOffer>(&event)) {
                static_cast<void>(session.answer(offer->id, ours(), now));
            }
            has_ended = std::holds_alternative<Ended>(event);
        }
    };
    session.start(now);
    drain();
    session.on_open(socket, now);
    drain();
    ByteReader script({data, size});
    while (script.remaining() > 0) {
        const auto step = script.u8();
        switch (step % 8) {
            case 0:
                session.on_open(socket, now);
                break;
            case 1:
                session.on_socket_closed(socket, step * 2, "body", "words", now);
                break;
            case 2:
                session.on_tick(now += std::chrono::milliseconds(100 * step));
                break;
            case 3:
                session.on_media_connected(now);
                break;
            case 4:
                session.on_media_failed("words", now);
                break;
            default: {
                const std::size_t length = script.u16();
                const auto message = script.bytes(std::min(length, script.remaining()));
                session.on_message(socket, message, now);
            }
        }
        drain();
    }
    return 0;
}
