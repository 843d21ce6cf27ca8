#include "net/redis_wire.hpp"

#include <hiredis/read.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>

namespace aircheck::net {
namespace {

constexpr std::size_t kMaxReply = 16 * 1024 * 1024;
constexpr std::size_t kMaxItems = 100'000;
constexpr std::uint32_t kSlots = 16384;

// --- hiredis' reader, with our own objects -------------------------------------------------------

/// Where the object of `task` goes: a new one, or its place in the array around it.
RedisReply* place_of(const redisReadTask* task) noexcept {
    if (task->parent == nullptr) return new (std::nothrow) RedisReply;
    auto* parent = static_cast<RedisReply*>(task->parent->obj);
    const auto index = static_cast<std::size_t>(task->idx);
    return index < parent->items.size() ? &parent->items[index] : nullptr;
}

void discard(void* object) { delete static_cast<RedisReply*>(object); }

/// `fill` may run out of memory; hiredis takes nullptr for that. What `place_of` made for the root
/// is nobody's then.
template <typename Fill>
void* make(const redisReadTask* task, Fill fill) noexcept {
    RedisReply* reply = place_of(task);
    if (reply == nullptr) return nullptr;
    try {
        if (fill(*reply)) return reply;
    } catch (const std::exception&) {
    }
    if (task->parent == nullptr) delete reply;
    return nullptr;
}

void* make_text(const redisReadTask* task, char* text, std::size_t size) {
    return make(task, [&](RedisReply& reply) {
        reply.kind =
            task->type == REDIS_REPLY_ERROR ? RedisReply::Kind::Error : RedisReply::Kind::Text;
        reply.text.assign(text, size);
        return true;
    });
}

void* make_integer(const redisReadTask* task, long long value) {
    return make(task, [&](RedisReply& reply) {
        reply.kind = RedisReply::Kind::Integer;
        reply.integer = value;
        return true;
    });
}

void* make_nil(const redisReadTask* task) {
    return make(task, [](RedisReply&) { return true; });
}

redisReplyObjectFunctions object_functions() {
    redisReplyObjectFunctions functions{};
    functions.createString = make_text;
    // The count is an int in hiredis 0.14 and a size_t since 1.0.
    functions.createArray = [](const redisReadTask* task, auto count) -> void* {
        return make(task, [&](RedisReply& reply) {
            const auto items = static_cast<std::size_t>(count);
            auto& left = *static_cast<std::size_t*>(task->privdata);
            if (items > left) return false;
            left -= items;
            reply.kind = RedisReply::Kind::Array;
            reply.items.resize(items);
            return true;
        });
    };
    functions.createInteger = make_integer;
    functions.createNil = make_nil;
    functions.freeObject = discard;
    return functions;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || stop != end) return {};
    return number;
}

}  // namespace

void append_redis_command(std::string& out, const std::vector<std::string>& words) {
    out += "*" + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
        out += "$" + std::to_string(word.size()) + "\r\n";
        out += word;
        out += "\r\n";
    }
}

struct RedisReader::Reader {
    redisReplyObjectFunctions functions = object_functions();
    redisReader* reader = redisReaderCreateWithFunctions(&functions);
    std::size_t items_left = kMaxItems;  ///< For the answer under way, nested ones and all.
    bool too_long = false;

    Reader() { reader->privdata = &items_left; }
    ~Reader() { redisReaderFree(reader); }
};

RedisReader::RedisReader() : reader_(std::make_unique<Reader>()) {}
RedisReader::~RedisReader() = default;

void RedisReader::feed(std::string_view bytes) {
    if (reader_->reader->len + bytes.size() > kMaxReply) reader_->too_long = true;
    if (!reader_->too_long) redisReaderFeed(reader_->reader, bytes.data(), bytes.size());
}

Result<std::optional<RedisReply>> RedisReader::next() {
    if (reader_->too_long) return fail(Errc::Malformed, "an answer of more than 16 MiB");
    void* object = nullptr;
    if (redisReaderGetReply(reader_->reader, &object) != REDIS_OK) {
        return fail(Errc::Malformed, reader_->reader->errstr);
    }
    if (object == nullptr) return std::optional<RedisReply>();
    reader_->items_left = kMaxItems;
    const std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(object));
    return std::optional<RedisReply>(std::move(*reply));
}

std::string RedisNode::to_string() const {
    const bool is_v6 = host.find(':') != std::string::npos;
    return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<RedisNode> parse_redis_node(std::string_view text, std::uint16_t default_port) {
    const auto bad = [&] {
        return fail(
            Errc::InvalidArgument, "'" + std::string(text) + "' is no address: host:port is wanted"
        );
    };
    std::string_view host = text;
    std::string_view port;
    const auto colon = text.rfind(':');
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return bad();
        host = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (!port.empty() && !port.starts_with(':')) return bad();
        if (!port.empty()) port.remove_prefix(1);
        if (text.ends_with(':')) return bad();
    } else if (colon != std::string_view::npos && text.find(':') == colon) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (port.empty()) return bad();
    }
    const bool is_url = text.find('/') != std::string_view::npos;
    if (host.empty() || is_url || text.find(' ') != std::string_view::npos) return bad();
    RedisNode node{std::string(host), default_port};
    if (!port.empty()) {
        const auto number = parse_number<std::uint16_t>(port);
        if (!number || *number == 0) return bad();
        node.port = *number;
    }
    return node;
}

std::optional<RedisRedirection> parse_redis_redirection(std::string_view error) {
    RedisRedirection to;
    to.is_lasting = error.starts_with("MOVED ");
    if (!to.is_lasting && !error.starts_with("ASK ")) return {};
    error.remove_prefix(error.find(' ') + 1);
    const auto space = error.find(' ');
    if (space == std::string_view::npos) return {};
    const auto slot = parse_number<std::uint16_t>(error.substr(0, space));
    // The port stands behind the last colon, also when the address is an IPv6 one without brackets.
    const auto address = error.substr(space + 1);
    const auto colon = address.rfind(':');
    if (!slot || *slot >= kSlots || colon == std::string_view::npos) return {};
    const auto port = parse_number<std::uint16_t>(address.substr(colon + 1));
    if (!port || *port == 0) return {};
    to.slot = *slot;
    to.node = {std::string(address.substr(0, colon)), *port};
    return to;
}

std::string_view key_of_redis_command(const std::vector<std::string>& words) {
    if (words.size() < 2) return {};
    static constexpr std::array<std::string_view, 5> kWithoutKey{
        "PUBLISH", "PING", "CLUSTER", "SCRIPT", "INFO"};
    if (std::ranges::find(kWithoutKey, words[0]) != kWithoutKey.end()) return {};
    if (words[0] == "EVAL" || words[0] == "EVALSHA") {
        return words.size() > 3 && words[2] != "0" ? std::string_view(words[3]) : "";
    }
    return words[1];
}

std::uint16_t redis_slot_of(std::string_view key) {
    const auto open = key.find('{');
    if (open != std::string_view::npos) {
        const auto close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1) {
            key = key.substr(open + 1, close - open - 1);
        }
    }
    std::uint32_t crc = 0;  // CRC-16/XMODEM: polynomial 0x1021, no reflection.
    for (const char c : key) {
        crc ^= std::uint32_t{static_cast<std::uint8_t>(c)} << 8;
        for (int bit = 0; bit < 8; ++bit) {
            crc = (crc & 0x8000u) != 0 ? (crc << 1 ^ 0x1021u) & 0xffffu : crc << 1 & 0xffffu;
        }
    }
    return static_cast<std::uint16_t>(crc % kSlots);
}

}  // namespace aircheck::net
