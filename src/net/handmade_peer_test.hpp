#pragma once

#include "tests/support/loopback.hpp"

#include "core/bytes.hpp"
#include "net/crypto.hpp"
#include "net/socket.hpp"

#include <gtest/gtest.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace aircheck::net::testing {

/// A peer written by hand from RFC 6455: its answer's header is longer than Beast's own buffer,
/// with frames right behind, one of them a ping.
class HandmadePeer {
public:
    HandmadePeer() {
        listener_.listen(1);
        at = {"127.0.0.1", listener_.port()};
    }
    HandmadePeer(const HandmadePeer&) = delete;
    HandmadePeer& operator=(const HandmadePeer&) = delete;

    /// Serves one client and gives the frame that it answered with.
    Bytes serve() const {
        const int fd = accept(listener_.descriptor(), nullptr, nullptr);
        std::string request;
        for (char c; request.find("\r\n\r\n") == std::string::npos && recv(fd, &c, 1, 0) == 1;)
            request += c;
        const std::string name = "Sec-WebSocket-Key: ";
        const auto key = request.substr(request.find(name) + name.size(), 24) +
                         "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        Bytes digest(20);
        SHA1(as_bytes(key).data(), key.size(), digest.data());
        std::string answer =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
            "Upgrade\r\nX-Long: " +
            std::string(6000, 'x') + "\r\nSec-WebSocket-Accept: " + to_base64(digest) + "\r\n\r\n";
        const std::string frame = std::string("\x81\x7e\x07\xd0", 4) + std::string(2000, 'm');
        answer += frame + "\x89\x02hi" + frame;
        EXPECT_EQ(
            send(fd, answer.data(), answer.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(answer.size())
        );
        Bytes pong(2 + 4 + 2);
        EXPECT_EQ(recv(fd, pong.data(), pong.size(), MSG_WAITALL), 8);
        close(fd);
        return pong;
    }

    Endpoint at;

private:
    tests::LoopbackSocket listener_;
};

}  // namespace aircheck::net::testing
