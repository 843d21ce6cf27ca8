#include "net/crypto.hpp"

#include "tests/support/gcs_key.hpp"

#include "core/temp_folder_testing.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace aircheck::net {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

struct DigestRow {
    std::string input;
    std::string_view expected;
};

TEST(Crypto, Sha256GivesTheExamplesOfFips180) {
    const DigestRow rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {std::string(1'000'000, 'a'),
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(to_hex(sha256(as_bytes(row.input))), row.expected);
        Sha256 pieces;
        const auto all = as_bytes(row.input);
        for (std::size_t at = 0; at < all.size(); at += 7919) {
            pieces.update(all.subspan(at, std::min<std::size_t>(7919, all.size() - at)));
        }
        Sha256 moved = std::move(pieces);
        EXPECT_EQ(to_hex(moved.finish()), row.expected);
    }
}

TEST(Crypto, Md5GivesTheSuiteOfRfc1321) {
    const DigestRow rows[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
    };
    for (const auto& row : rows) EXPECT_EQ(to_hex(md5(as_bytes(row.input))), row.expected);
}

TEST(Crypto, HmacSha256GivesTheCasesOfRfc4231) {
    struct Row {
        Bytes key;
        std::string message;
        std::string_view expected;
    };
    const Row rows[] = {
        {Bytes(20, 0x0b),
         "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {hex("4a656665"),
         "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {Bytes(20, 0xaa),
         std::string(50, '\xdd'),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {Bytes(131, 0xaa),
         "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        // An empty key and message are allowed; the value is Wikipedia's example for HMAC.
        {{}, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(to_hex(hmac_sha256(row.key, as_bytes(row.message))), row.expected);
    }
}

TEST(Crypto, ComparesWholeStrings) {
    EXPECT_TRUE(constant_time_equal({}, {}));
    EXPECT_TRUE(constant_time_equal(as_bytes("secret"), as_bytes("secret")));
    EXPECT_FALSE(constant_time_equal(as_bytes("secret"), as_bytes("secreT")));
    EXPECT_FALSE(constant_time_equal(as_bytes("secret"), as_bytes("secrets")));
    EXPECT_FALSE(constant_time_equal(as_bytes("secret"), {}));
}

TEST(Crypto, RandomBytesDiffer) {
    EXPECT_EQ(random_bytes(0).size(), 0u);
    EXPECT_EQ(random_bytes(1000).size(), 1000u);
    EXPECT_NE(random_bytes(32), random_bytes(32));
}

/// Test case 16 of the GCM specification (McGrew and Viega), in the order nonce, text, tag.
TEST(Seal, OpensTheSpecificationsOwnCase) {
    const auto key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const auto sealed =
        hex("cafebabefacedbaddecaf888"
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
    const auto associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const auto plain = open_sealed(key, sealed, as_text(associated));
    ASSERT_TRUE(plain) << plain.error().to_string();
    EXPECT_EQ(
        to_hex(as_bytes(*plain)),
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    );
}

TEST(Seal, OpensWhatItSealedAndNeverRepeatsItself) {
    const Bytes key(32, 7);
    for (const std::string_view plain : {"", "x", "a secret of the owner's"}) {
        for (const std::string_view associated : {"", "EG_1"}) {
            const auto sealed = seal(key, plain, associated);
            EXPECT_EQ(sealed.size(), 12 + plain.size() + 16);
            EXPECT_EQ(open_sealed(key, sealed, associated).value(), plain);
            EXPECT_NE(sealed, seal(key, plain, associated));
        }
    }
}

TEST(Seal, RefusesEveryChangedBitAndOtherKeys) {
    const Bytes key(32, 7);
    const auto sealed = seal(key, "plain", "about");
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
        auto changed = sealed;
        changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1u << (bit % 8)));
        const auto opened = open_sealed(key, changed, "about");
        ASSERT_FALSE(opened) << "bit " << bit;
        EXPECT_EQ(opened.error().code, Errc::Malformed);
    }
    EXPECT_FALSE(open_sealed(Bytes(32, 8), sealed, "about"));
    EXPECT_FALSE(open_sealed(key, sealed, "About"));
    EXPECT_FALSE(open_sealed(key, sealed, ""));
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        EXPECT_FALSE(open_sealed(key, BytesView(sealed).first(size), "about")) << size;
    }
}

TEST(RsaSha256, IsWhatOpensslVerifies) {
    const tests::TempFolder folder;
    tests::write_file(folder / "key", tests::rsa_private_key());
    tests::write_file(folder / "message", "signed");
    const auto signature = rsa_sha256(tests::rsa_private_key(), as_bytes("signed"));
    ASSERT_TRUE(signature) << signature.error().to_string();
    tests::write_file(folder / "signature", as_text(*signature));
    const std::string verify = "openssl dgst -sha256 -prverify " + (folder / "key") +
                               " -signature " + (folder / "signature") + " " +
                               (folder / "message") + " >/dev/null";
    EXPECT_EQ(std::system(verify.c_str()), 0);
    for (const char* bad :
         {"", "hunter2", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
        const auto refused = rsa_sha256(bad, as_bytes("signed"));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::InvalidArgument);
    }
}

}  // namespace
}  // namespace aircheck::net
