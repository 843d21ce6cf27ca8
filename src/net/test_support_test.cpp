#include "net/test_support.hpp"

#include "net/address.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <future>
#include <stdexcept>

namespace aircheck::net::testing {
namespace {

void require(bool ok, const char* what) {
    if (!ok) throw std::runtime_error(what);
}

}  // namespace

LoopThread::LoopThread() : thread_([this] { loop.run("test loop"); }) {}

LoopThread::~LoopThread() {
    loop.stop();
    thread_.join();
}

void LoopThread::call(const std::function<void()>& task) {
    std::promise<void> done;
    loop.post([&] {
        task();
        done.set_value();
    });
    done.get_future().wait();
}

RawClient::RawClient(const Endpoint& to) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = to_socket_address(to);
    require(connect(fd_, address->get(), address->size) == 0, "connect");
    const timeval limit{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

RawClient::RawClient(int fd) : fd_(fd) {
    const timeval limit{20, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

RawClient::~RawClient() { close(fd_); }

void RawClient::send(std::string_view text) const {
    while (!text.empty()) {
        const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return;  // The server may have had enough.
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string RawClient::read_until(std::string_view end) const {
    std::string text;
    while (end.empty() || text.find(end) == std::string::npos) {
        char piece[4096];
        const auto got = recv(fd_, piece, end.empty() ? sizeof piece : 1, 0);
        if (got <= 0) break;
        text.append(piece, static_cast<std::size_t>(got));
    }
    return text;
}

std::string RawClient::read_bytes(std::size_t size) const {
    std::string text;
    while (text.size() < size) {
        char piece[4096];
        const auto got = recv(fd_, piece, std::min(sizeof piece, size - text.size()), 0);
        if (got <= 0) break;
        text.append(piece, static_cast<std::size_t>(got));
    }
    return text;
}

void RawClient::finish() const { shutdown(fd_, SHUT_WR); }

RawServer::RawServer() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto address = to_socket_address({"127.0.0.1", 0});
    require(bind(fd_, address->get(), address->size) == 0, "bind");
    require(listen(fd_, 8) == 0, "listen");
    at = local_endpoint(fd_);
}

RawServer::~RawServer() { close(fd_); }

std::unique_ptr<RawClient> RawServer::accept() const {
    const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    require(fd >= 0, "accept");
    return std::make_unique<RawClient>(fd);
}

TestCertificate::TestCertificate(const std::string& names) {
    const auto command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=aircheck-test -addext subjectAltName=" +
        names + " -keyout " + key + " -out " + certificate + " 2>/dev/null";
    require(std::system(command.c_str()) == 0, "openssl req");
}

}  // namespace aircheck::net::testing
