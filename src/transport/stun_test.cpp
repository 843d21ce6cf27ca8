#include "transport/stun.hpp"

#include "net/crypto.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace aircheck::transport::stun {
namespace {

constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr std::string_view kTransaction = "b7e7a701bc34d686fa87dfae";

// RFC 5769 §2.1 to §2.3.
constexpr std::string_view kRequest =
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
constexpr std::string_view kResponseV4 =
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
constexpr std::string_view kResponseV6 =
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

// RFC 5769 §2.4.
TEST(StunRfc5769, RequestWithLongTermCredentials) {
    const auto bytes = from_hex(
                           "000100602112a44278ad3433c6ad72c029da412e"
                           "00060012e3839ee38388e383aae38383e382afe382b90000"
                           "0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341"
                           "0014000b6578616d706c652e6f726700"
                           "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
    )
                           .value();
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << message.error().to_string();
    EXPECT_EQ(message->username, "マトリックス");
    EXPECT_EQ(message->realm, "example.org");
    EXPECT_EQ(message->nonce, "f//499k954d6OL34oL9FSTvy64sA");
    const auto key = net::md5(as_bytes("マトリックス:example.org:TheMatrIX"));
    EXPECT_TRUE(message->verify(as_text(key)));
    EXPECT_FALSE(message->verify("TheMatrIX"));
}

TEST(StunRfc5769, Request) {
    const auto bytes = from_hex(kRequest).value();
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << message.error().to_string();
    EXPECT_EQ(message->message_class, Class::Request);
    EXPECT_EQ(message->method, kBinding);
    EXPECT_EQ(to_hex(message->transaction), kTransaction);
    EXPECT_EQ(message->username, "evtj:h6vY");
    EXPECT_EQ(message->priority, 0x6e0001ffu);
    EXPECT_EQ(message->controlled, 0x932ff9b151263b36u);
    EXPECT_FALSE(message->controlling);
    EXPECT_FALSE(message->use_candidate);
    EXPECT_TRUE(message->verify(kPassword));
    EXPECT_FALSE(message->verify("VOkJxbRl1RmTxUk/WvJxBT"));
}

struct ResponseRow {
    std::string_view name, hex, address;
    friend void PrintTo(const ResponseRow& row, std::ostream* out) { *out << row.name; }
};
class StunRfc5769Response : public testing::TestWithParam<ResponseRow> {};

TEST_P(StunRfc5769Response, GivesTheMappedAddress) {
    const auto bytes = from_hex(GetParam().hex).value();
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << message.error().to_string();
    EXPECT_EQ(message->message_class, Class::Success);
    EXPECT_EQ(message->mapped_address, (net::Endpoint{std::string(GetParam().address), 32853}));
    EXPECT_TRUE(message->verify(kPassword));
}

INSTANTIATE_TEST_SUITE_P(
    Both,
    StunRfc5769Response,
    testing::Values(
        ResponseRow{"V4", kResponseV4, "192.0.2.1"},
        ResponseRow{"V6", kResponseV6, "2001:db8:1234:5678:11:2233:4455:6677"}
    ),
    [](const auto& row) { return std::string(row.param.name); }
);

TEST(Stun, AnyChangedBitIsNoticed) {
    const auto bytes = from_hex(kRequest).value();
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        auto changed = bytes;
        changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
        const auto message = MessageView::parse(changed);
        // A type or length of FINGERPRINT that is no longer one leaves MESSAGE-INTEGRITY to tell,
        // which does not cover what stands behind it.
        const bool behind_integrity = bit / 8 >= bytes.size() - 8;
        if (!behind_integrity) {
            EXPECT_FALSE(message && message->verify(kPassword)) << "bit " << bit;
        }
    }
}

TEST(Stun, EveryTruncationIsRefused) {
    const auto bytes = from_hex(kRequest).value();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(MessageView::parse(BytesView(bytes).first(size))) << size;
    }
}

TEST(Stun, AttributesBehindTheIntegrityAreNotBelieved) {
    // USE-CANDIDATE appended behind MESSAGE-INTEGRITY by somebody without the key.
    auto bytes = from_hex(kResponseV4).value();
    bytes.resize(bytes.size() - 8);
    const auto use_candidate = from_hex("00250000").value();
    bytes.insert(bytes.end(), use_candidate.begin(), use_candidate.end());
    bytes[3] = static_cast<std::uint8_t>(bytes.size() - 20);
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->verify(kPassword));
    EXPECT_FALSE(message->use_candidate);
}

TEST(Stun, BuildsTheBytesOfRfc5769) {
    // The vector without SOFTWARE, whose digest is then another: so check the parts by parsing, and
    // the address attribute byte for byte.
    TransactionId id{};
    const auto id_bytes = from_hex(kTransaction).value();
    std::copy(id_bytes.begin(), id_bytes.end(), id.begin());
    Builder v4(Class::Success, kBinding, id);
    EXPECT_THAT(
        to_hex(v4.xor_mapped_address({"192.0.2.1", 32853}).finish(kPassword)),
        testing::StartsWith("0101002c2112a442b7e7a701bc34d686fa87dfae002000080001a147e112a6430008")
    );
    Builder v6(Class::Success, kBinding, id);
    EXPECT_THAT(
        to_hex(
            v6.xor_mapped_address({"2001:db8:1234:5678:11:2233:4455:6677", 32853}).finish(kPassword)
        ),
        testing::HasSubstr("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d90008")
    );
}

TEST(Stun, WhatIsBuiltIsUnderstood) {
    const auto id = new_transaction();
    Builder builder(Class::Request, kBinding, id);
    const auto bytes = builder.username("abcd:efghi")
                           .priority(1853817087)
                           .use_candidate()
                           .controlling(0x0102030405060708)
                           .finish("secret");
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message) << message.error().to_string();
    EXPECT_EQ(message->transaction, id);
    EXPECT_EQ(message->username, "abcd:efghi");
    EXPECT_EQ(message->priority, 1853817087u);
    EXPECT_TRUE(message->use_candidate);
    EXPECT_EQ(message->controlling, 0x0102030405060708u);
    EXPECT_TRUE(message->verify("secret"));

    Builder error(Class::Error, kBinding, id);
    const auto error_bytes = error.error(kRoleConflict, "Role Conflict").finish("secret");
    const auto parsed = MessageView::parse(error_bytes);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->message_class, Class::Error);
    EXPECT_EQ(parsed->error_code, 487);
}

TEST(Stun, UnknownRequiredAttributesAreNamed) {
    const auto id = new_transaction();
    Builder builder(Class::Request, kBinding, id);
    const auto view = builder.priority(1).finish("k");
    Bytes bytes(view.begin(), view.end());
    bytes[20] = 0x00;
    bytes[21] = 0x77;  // PRIORITY becomes an unknown required attribute
    bytes.resize(bytes.size() - 8);
    bytes[3] = static_cast<std::uint8_t>(bytes.size() - 20);
    const auto message = MessageView::parse(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->unknown_required, 0x0077);
}

struct HostileRow {
    std::string_view name, hex;
    friend void PrintTo(const HostileRow& row, std::ostream* out) { *out << row.name; }
};
class StunHostile : public testing::TestWithParam<HostileRow> {};

TEST_P(StunHostile, IsRefused) {
    const auto bytes = from_hex(GetParam().hex).value();
    EXPECT_FALSE(MessageView::parse(bytes));
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    StunHostile,
    testing::Values(
        HostileRow{"Empty", ""},
        HostileRow{"NoCookie", "0001000000000000b7e7a701bc34d686fa87dfae"},
        HostileRow{"LengthNotMultipleOf4", "000100032112a442b7e7a701bc34d686fa87dfae000000"},
        HostileRow{"LengthShort", "000100002112a442b7e7a701bc34d686fa87dfae00060000"},
        HostileRow{"AttributeBeyondEnd", "000100042112a442b7e7a701bc34d686fa87dfae0006ffff"},
        HostileRow{"HalfAnAttributeHeader", "000100042112a442b7e7a701bc34d686fa87dfae00060008"},
        HostileRow{"ShortIntegrity", "000100082112a442b7e7a701bc34d686fa87dfae0008000400000000"},
        HostileRow{"ShortPriority", "000100082112a442b7e7a701bc34d686fa87dfae0024000200000000"},
        HostileRow{"ShortTieBreaker", "000100082112a442b7e7a701bc34d686fa87dfae8029000400000000"},
        HostileRow{
            "FingerprintInTheMiddle",
            "0001000c2112a442b7e7a701bc34d686fa87dfae802800040000000000250000"},
        HostileRow{"WrongFingerprint", "000100082112a442b7e7a701bc34d686fa87dfae8028000400000000"}
    ),
    [](const auto& row) { return std::string(row.param.name); }
);

}  // namespace
}  // namespace aircheck::transport::stun
