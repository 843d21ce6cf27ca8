#include "storage/scripted_store_test.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cctype>

namespace aircheck::storage::testing {
namespace {

const RetryPolicy kQuick{2, std::chrono::milliseconds(1), std::chrono::milliseconds(2)};

/// Reads until `text` holds `wanted` bytes; false at the connection's end.
bool read_more(int descriptor, std::string& text) {
    char buffer[65536];
    const ssize_t count = recv(descriptor, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    text.append(buffer, static_cast<std::size_t>(count));
    return true;
}

std::size_t content_length(const std::string& headers) {
    const std::size_t at = headers.find("content-length: ");
    return at == std::string::npos ? 0 : std::stoul(headers.substr(at + 16));
}

}  // namespace

ScriptedStore::ScriptedStore(std::vector<Reply> script) : script_(std::move(script)) {
    listener_.listen();
    thread_ = std::thread([this] { serve(); });
}

ScriptedStore::~ScriptedStore() {
    shutdown(listener_.descriptor(), SHUT_RDWR);
    thread_.join();
}

void ScriptedStore::serve() {
    while (true) {
        const int connection = accept(listener_.descriptor(), nullptr, nullptr);
        if (connection < 0) return;
        serve_connection(connection);
        close(connection);
    }
}

/// One request a connection, which keeps the order of things plain.
void ScriptedStore::serve_connection(int descriptor) {
    std::string text;
    std::size_t end = std::string::npos;
    while ((end = text.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more(descriptor, text)) return;
    }
    Request request;
    const std::size_t line_end = text.find("\r\n");
    request.line = text.substr(0, line_end);
    request.headers = text.substr(line_end + 2, end - line_end);
    for (char& c : request.headers)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const std::size_t length = content_length(request.headers);
    while (text.size() < end + 4 + length) {
        if (!read_more(descriptor, text)) return;
    }
    request.body = text.substr(end + 4, length);
    const bool is_head = request.line.starts_with("HEAD ");
    const Reply reply = next(std::move(request));
    if (reply.delivery == Reply::Delivery::HangUp) return;
    std::string answer =
        "HTTP/1.1 " + std::to_string(reply.status) + " X\r\nConnection: close\r\n" + reply.headers;
    if (reply.headers.find("Content-Length") == std::string::npos) {
        answer += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    }
    if (!reply.body.empty()) answer += "Content-Type: application/xml\r\n";
    answer += "\r\n";
    if (!is_head) answer += reply.body;
    send(descriptor, answer.data(), answer.size(), MSG_NOSIGNAL);
    shutdown(descriptor, SHUT_WR);
}

ScriptedStore::Reply ScriptedStore::next(Request request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    if (requests_.size() > script_.size()) return {418, "", "", Reply::Delivery::Answer};
    return script_[requests_.size() - 1];
}

S3Destination ScriptedStore::destination() const {
    S3Destination destination;
    destination.bucket = "bucket";
    destination.region = "us-east-1";
    destination.endpoint = endpoint();
    destination.access_key = "key";
    destination.secret = "secret";
    destination.retry = kQuick;
    return destination;
}

AzureDestination ScriptedStore::azure_destination() const {
    AzureDestination destination;
    destination.account = "account";
    destination.container = "bucket";
    destination.endpoint = endpoint();
    destination.account_key = "c2VjcmV0";
    destination.retry = kQuick;
    return destination;
}

std::string ScriptedStore::endpoint() const {
    return "http://127.0.0.1:" + std::to_string(listener_.port());
}

std::vector<ScriptedStore::Request> ScriptedStore::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

std::vector<std::string> ScriptedStore::lines() const {
    std::vector<std::string> lines;
    for (const Request& request : requests()) {
        lines.push_back(request.line.substr(0, request.line.rfind(' ')));
    }
    return lines;
}

}  // namespace aircheck::storage::testing
