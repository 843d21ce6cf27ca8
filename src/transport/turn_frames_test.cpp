#include "transport/turn_frames.hpp"

#include "transport/stun.hpp"
#include "transport/turn_url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::transport {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A Binding success without attributes, and ChannelData of 5 bytes with its padding (RFC 8656 §12).
constexpr std::string_view kStun = "010100002112a442000102030405060708090a0b";
constexpr std::string_view kChannel = "4000000568656c6c6f000000";

std::vector<std::string> cut(const Bytes& stream, std::size_t piece) {
    TurnFrames frames;
    std::vector<std::string> found;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
        frames.append(BytesView(stream).subspan(at, std::min(piece, stream.size() - at)));
        while (const auto message = frames.next()) found.push_back(to_hex(*message));
    }
    EXPECT_FALSE(frames.is_broken());
    return found;
}

TEST(TurnFrames, CutsAStreamWhereverItIsTorn) {
    const auto stream = *from_hex(std::string(kStun) + std::string(kChannel) + std::string(kStun));
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        EXPECT_THAT(cut(stream, piece), ElementsAre(kStun, "4000000568656c6c6f", kStun)) << piece;
    }
}

TEST(TurnFrames, PassesOverWhatIsTooLong) {
    Bytes stream = *from_hex("4001ffff");
    stream.resize(stream.size() + 0xffff + 1);
    const auto after = *from_hex(kChannel);
    stream.insert(stream.end(), after.begin(), after.end());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}, stream.size()}) {
        EXPECT_THAT(cut(stream, piece), ElementsAre("4000000568656c6c6f"));
    }
}

TEST(TurnFrames, AStreamOfSomethingElseIsBroken) {
    for (const char* hex :
         {"5353482d",
          "16030100",
          "80000000",
          "0101000200000000",
          "01010000ffffffff000102030405060708090a0b"}) {
        TurnFrames frames;
        frames.append(*from_hex(hex));
        EXPECT_FALSE(frames.next()) << hex;
        EXPECT_TRUE(frames.is_broken()) << hex;
        frames.append(*from_hex(kStun));
        EXPECT_FALSE(frames.next()) << hex;
    }
}

TEST(TurnUrl, ReadsHostPortAndTransport) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"turn:192.0.2.1:3478?transport=udp", "turn:192.0.2.1:3478?transport=udp"},
        {"turn:Relay.Example", "turn:relay.example:3478?transport=udp"},
        {"turn:relay.example?transport=tcp", "turn:relay.example:3478?transport=tcp"},
        {"turn:[2001:db8::1]:99", "turn:[2001:db8::1]:99?transport=udp"},
        {"turns:relay.example", "turns:relay.example:5349?transport=tcp"},
        {"TURNS:relay.example:443?transport=TCP", "turns:relay.example:443?transport=tcp"}};
    for (const auto& [url, expected] : rows) {
        const auto server = parse_turn_url(url);
        ASSERT_TRUE(server) << url;
        EXPECT_EQ(server->to_string(), expected);
    }
}

TEST(TurnUrl, RefusesOthersAndSaysWhy) {
    const std::vector<std::tuple<std::string, Errc, std::string>> rows{
        {"stun:stun.example:19302", Errc::Unsupported, "not needed"},
        {"stuns:stun.example", Errc::Unsupported, "not needed"},
        {"https://relay.example", Errc::Unsupported, "unknown scheme"},
        {"turn:relay.example?transport=sctp", Errc::Unsupported, "unknown transport"},
        {"turns:relay.example?transport=udp", Errc::Unsupported, "DTLS"},
        {"turn:relay.example?x=y", Errc::Malformed, "query"},
        {"turn:relay.example:0", Errc::Malformed, "port"},
        {"turn:relay.example:65536", Errc::Malformed, "port"},
        {"turn:relay.example:", Errc::Malformed, "port"},
        {"turn:[2001:db8::1", Errc::Malformed, "host"},
        {"turn:[::1]x", Errc::Malformed, "port"},
        {"turn:", Errc::Malformed, "host"},
        {"turn://relay.example", Errc::Malformed, "host"},
        {"turn:a\nb", Errc::Malformed, "host"},
        {"turn:" + std::string(600, 'a'), Errc::Malformed, "too long"},
        {"relay", Errc::Malformed, "scheme"},
        {"", Errc::Malformed, "scheme"}};
    for (const auto& [url, code, words] : rows) {
        const auto server = parse_turn_url(url);
        ASSERT_FALSE(server) << url;
        EXPECT_EQ(server.error().code, make_error_code(code)) << url;
        EXPECT_THAT(server.error().context, HasSubstr(words)) << url;
    }
}

}  // namespace
}  // namespace aircheck::transport
