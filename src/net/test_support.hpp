#pragma once

#include "core/temp_folder_testing.hpp"
#include "net/loop.hpp"
#include "net/socket.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace aircheck::net::testing {

/// A loop on a thread of its own, for tests that block.
class LoopThread {
public:
    LoopThread();
    ~LoopThread();
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;
    /// Runs `task` on the loop and waits for its end.
    void call(const std::function<void()>& task);
    Loop loop;

private:
    std::thread thread_;
};

/// A blocking TCP client that sends what it is told, right or wrong. Waits 20 s at most.
class RawClient {
public:
    explicit RawClient(const Endpoint& to);
    /// A connection that is there already.
    explicit RawClient(int fd);
    ~RawClient();
    RawClient(const RawClient&) = delete;
    RawClient& operator=(const RawClient&) = delete;
    void send(std::string_view text) const;
    /// Reads until `end` was read; less when the connection ends.
    [[nodiscard]] std::string read_until(std::string_view end) const;
    [[nodiscard]] std::string read_to_end() const { return read_until(""); }
    /// Exactly `size` bytes; less when the connection ends.
    [[nodiscard]] std::string read_bytes(std::size_t size) const;
    /// No more is sent; the peer may go on.
    void finish() const;
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

/// A TCP server whose answers the test writes itself.
class RawServer {
public:
    RawServer();
    ~RawServer();
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;
    /// The next connection; waits for it.
    [[nodiscard]] std::unique_ptr<RawClient> accept() const;

    Endpoint at;

private:
    int fd_;
};

/// A self-signed certificate for `names` ("DNS:localhost,IP:127.0.0.1"), made by the openssl
/// command.
struct TestCertificate {
    explicit TestCertificate(const std::string& names);
    tests::TempFolder folder;
    std::string certificate = folder / "certificate.pem";
    std::string key = folder / "key.pem";
};

}  // namespace aircheck::net::testing
