// What a Redis answers, in pieces of any length: whole answers, or an error and nothing after it.
// layers: core net
#include "net/redis_wire.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::size_t step = data[0] + 1u;  // The first byte says how the rest comes in.
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    aircheck::net::RedisReader reader;
    bool failed = false;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        reader.feed(bytes.substr(at, step));
        while (true) {
            const auto reply = reader.next();
            if (failed && reply) std::abort();
            failed = !reply;
            if (failed || !*reply) break;
            if ((*reply)->kind == aircheck::net::RedisReply::Kind::Error) {
                static_cast<void>(aircheck::net::parse_redis_redirection((*reply)->text));
            }
        }
    }
    static_cast<void>(aircheck::net::parse_redis_node(bytes, 6379));
    static_cast<void>(aircheck::net::parse_redis_redirection(bytes));
    static_cast<void>(aircheck::net::redis_slot_of(bytes));
    return 0;
}
