// What every store that is reached over HTTP has to do, on real ones.
#include "core/temp_folder_testing.hpp"
#include "net/crypto.hpp"
#include "net/url.hpp"
#include "storage/s3_on_minio_test.hpp"
#include "storage/small_objects.hpp"
#include "storage/store_peer_test.hpp"
#include "storage/upload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace aircheck::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kMiB;
using ::testing::Not;
using testing::PeerKind;
using testing::random_text;
using testing::StorePeer;

class StoreContract : public ::testing::TestWithParam<PeerKind> {
protected:
    static void TearDownTestSuite() { peers().clear(); }

    void SetUp() override {
        auto& peer = peers()[GetParam().name];
        if (!peer) {
            peer = GetParam().make();
            peer->start();
        }
        peer_ = peer.get();
    }

    [[nodiscard]] std::unique_ptr<ObjectStore> store() {
        return ObjectStore::create(peer_->destination(), http_).value();
    }
    std::string content(const std::string& key) {
        const auto client = store();
        const auto info = client->head_object(key);
        if (!info) return info.error().to_string();
        return client->get_range(key, 0, info->size).value_or("unreadable");
    }
    /// A spool file: a growing head of 100 bytes, and a body.
    UploadSpec spec(const std::string& key, const std::string& body) {
        tests::write_file(folder_ / "output.part", std::string(100, 'h') + body);
        return {key, "video/mp4", "EG_x", folder_ / "output.part", 100, ""};
    }
    std::unique_ptr<UploadSession> session(const UploadSpec& spec) {
        return UploadSession::create(peer_->destination(), spec, http_).value();
    }

    net::HttpClient http_;
    tests::TempFolder folder_;
    StorePeer* peer_ = nullptr;

private:
    static std::map<std::string, std::unique_ptr<StorePeer>>& peers() {
        static std::map<std::string, std::unique_ptr<StorePeer>> all;
        return all;
    }
};

TEST_P(StoreContract, KeepsObjects) {
    const auto client = store();
    const std::string key = "a b/ü+%&=?#'()~/x.mp4";
    const ObjectStore::ObjectOptions options{"audio/ogg", "EG_1", ObjectStore::IfTaken::Refuse};
    const auto etag = client->put_object(key, "0123456789", options);
    ASSERT_TRUE(etag) << etag.error().to_string();
    const auto info = client->head_object(key);
    ASSERT_TRUE(info) << info.error().to_string();
    EXPECT_EQ(info->size, 10u);
    EXPECT_EQ(info->etag, *etag);
    EXPECT_EQ(info->content_type, "audio/ogg");
    EXPECT_EQ(info->egress_id, "EG_1");
    EXPECT_EQ(client->get_range(key, 3, 4).value(), "3456");
    EXPECT_EQ(client->get_range(key, 8, 10).value(), "89");
    EXPECT_EQ(client->get_range(key, 10, 1).error().code, Errc::NotFound);
    ASSERT_TRUE(client->put_object("a b/y", "", {}));
    EXPECT_THAT(client->list_objects("a b/", 10).value(), ElementsAre("a b/y", key));
    EXPECT_THAT(client->list_objects("a b/", 1).value(), ElementsAre("a b/y"));
    ASSERT_TRUE(client->delete_object(key));
    EXPECT_EQ(client->head_object(key).error().code, Errc::NotFound);
    EXPECT_TRUE(client->check_access());
}

TEST_P(StoreContract, KeepsSmallObjectsInFolders) {
    SmallObjects objects(peer_->destination(), http_);
    using IfTaken = ObjectStore::IfTaken;
    ASSERT_TRUE(objects.put("journals/EG_1/000001.acj", "one", IfTaken::Refuse));
    ASSERT_TRUE(objects.put("journals/EG_1/000002.acj", "two", IfTaken::Refuse));
    ASSERT_TRUE(objects.put("journals/EG_12/000001.acj", "another's", IfTaken::Refuse));
    EXPECT_THAT(objects.list("journals/EG_1").value(), ElementsAre("000001.acj", "000002.acj"));
    EXPECT_TRUE(objects.list("journals/EG_2").value().empty());
    EXPECT_EQ(objects.get("journals/EG_1/000002.acj").value(), "two");
    EXPECT_EQ(objects.get("journals/EG_1/000003.acj").error().code, Errc::NotFound);
    const auto taken = objects.put("journals/EG_1/000001.acj", "not one", IfTaken::Refuse);
    EXPECT_EQ(taken.error().code, Errc::AlreadyExists);
    EXPECT_TRUE(objects.put("journals/EG_1/000001.acj", "not one", IfTaken::Overwrite));
    EXPECT_EQ(objects.get("journals/EG_1/000001.acj").value(), "not one");
    EXPECT_TRUE(objects.remove("journals/EG_1/000001.acj"));
    EXPECT_TRUE(objects.remove("journals/EG_1/000001.acj")) << "it is gone already";
    EXPECT_THAT(objects.list("journals/EG_1").value(), ElementsAre("000002.acj"));
}

TEST_P(StoreContract, ReadsASmallObjectThatIsNotSmall) {
    SmallObjects objects(peer_->destination(), http_);
    const std::string content = random_text(17 * kMiB, 7);
    ASSERT_TRUE(objects.put("large", content, ObjectStore::IfTaken::Overwrite));
    EXPECT_TRUE(objects.get("large").value() == content);
    ASSERT_TRUE(objects.put("exact", content.substr(0, 16 * kMiB), ObjectStore::IfTaken::Overwrite)
    );
    EXPECT_EQ(objects.get("exact").value().size(), 16 * kMiB);
}

TEST_P(StoreContract, NeverTakesAnothersPlace) {
    const auto client = store();
    ObjectStore::ObjectOptions options{"video/mp4", "EG_1", ObjectStore::IfTaken::Refuse};
    ASSERT_TRUE(client->put_object("taken", "mine", options));
    EXPECT_TRUE(client->put_object("taken", "mine", options)) << "as after a lost answer";
    options.egress_id = "EG_2";
    const auto refused = client->put_object("taken", "others", options);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::AlreadyExists);
    EXPECT_EQ(content("taken"), "mine");
    options.if_taken = ObjectStore::IfTaken::Overwrite;
    EXPECT_TRUE(client->put_object("taken", "others", options));
    EXPECT_EQ(content("taken"), "others");
}

TEST_P(StoreContract, SaysInWordsWhatIsWrong) {
    const struct {
        Destination destination;
        Errc code;
    } rows[] = {
        {peer_->with_wrong_secret(), Errc::PermissionDenied},
        {peer_->with_wrong_bucket(), Errc::NotFound},
    };
    for (const auto& row : rows) {
        const auto client = ObjectStore::create(row.destination, http_).value();
        const auto stored = client->put_object("x", "x", {});
        ASSERT_FALSE(stored);
        EXPECT_EQ(stored.error().code, row.code) << stored.error().to_string();
        EXPECT_FALSE(client->lacked_right());
        EXPECT_FALSE(client->check_access());
        // A session says the same at its first call, before anything is recorded in vain.
        const auto begun =
            UploadSession::create(row.destination, spec("x", "x"), http_).value()->advance(0);
        ASSERT_FALSE(begun);
    }
    auto unreachable = peer_->destination();
    network_of(unreachable)->reach = StoreNetwork::Reach::PublicOnly;
    const auto refused = ObjectStore::create(unreachable, http_).value()->put_object("x", "x", {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::PermissionDenied);
    EXPECT_THAT(refused.error().to_string(), HasSubstr("127.0.0.1"));
}

TEST_P(StoreContract, SignedLinksOpenAndExpire) {
    const auto to = peer_->destination();
    ASSERT_TRUE(store()->put_object("link ü.mp4", "content", {}));
    const auto answer = [&](const std::string& method, const std::string& url) {
        net::HttpRequest request;
        request.method = method;
        request.url = url;
        return http_.send(request).value();
    };
    const ResponseHeaders headers{"audio/x-test", "attachment; filename=\"a b.mp4\""};
    const auto url = presign_get(to, "link ü.mp4", 60s, headers, wall_now()).value();
    const auto opened = answer("GET", url);
    EXPECT_EQ(opened.status, 200) << opened.body;
    EXPECT_EQ(opened.body, "content");
    EXPECT_EQ(opened.headers.get("content-type"), "audio/x-test");
    EXPECT_EQ(opened.headers.get("content-disposition"), "attachment; filename=\"a b.mp4\"");
    EXPECT_EQ(answer("GET", presign_get(to, "other", 60s, {}, wall_now()).value()).status, 404);
    const auto changed = url.find("link");
    EXPECT_EQ(answer("GET", std::string(url).replace(changed, 4, "kink")).status, 403);
    const auto head = presign_get(to, "link ü.mp4", 60s, {}, wall_now(), LinkMethod::Head).value();
    EXPECT_EQ(answer("HEAD", head).status, 200);
    const int closed = answer("GET", location_of(to, "link ü.mp4")).status;
    EXPECT_TRUE(closed == 403 || closed == 401 || closed == 404) << closed;
    EXPECT_EQ(
        answer("GET", presign_get(to, "link ü.mp4", 5s, {}, wall_now() - 60s).value()).status, 403
    );
    for (const auto ttl : {std::chrono::seconds(0), std::chrono::seconds(604'801)}) {
        EXPECT_EQ(presign_get(to, "x", ttl, {}, wall_now()).error().code, Errc::InvalidArgument);
    }
}

TEST_P(StoreContract, UploadsWhileTheFileGrows) {
    const std::string body = random_text(23 * kMiB + 12'345, 1);
    const auto upload = session(spec("calls/long.mp4", body));
    EXPECT_EQ(upload->sent_bytes(), 0u);
    std::uint64_t before = 0;
    for (std::uint64_t grown = 0; grown < body.size(); grown += 700'000) {
        const auto sent = upload->advance(grown);
        ASSERT_TRUE(sent) << sent.error().to_string();
        EXPECT_GE(upload->sent_bytes(), before);
        EXPECT_LE(upload->sent_bytes(), grown);
        before = upload->sent_bytes();
    }
    // 5 MiB wait for the head; of the 18 MiB behind them, three parts of 5 MiB are whole.
    EXPECT_EQ(before, 15 * kMiB);
    EXPECT_EQ(store()->head_object("calls/long.mp4").error().code, Errc::NotFound);

    const std::string head = random_text(70'000, 2);
    const auto stored = upload->complete(as_bytes(head), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(stored->size, head.size() + body.size());
    EXPECT_EQ(stored->sha256, to_hex(net::sha256(as_bytes(head + body))));
    EXPECT_EQ(stored->location, location_of(peer_->destination(), "calls/long.mp4"));
    EXPECT_TRUE(content("calls/long.mp4") == head + body);
    const auto info = store()->head_object("calls/long.mp4").value();
    EXPECT_EQ(info.content_type, "video/mp4");
    EXPECT_EQ(info.egress_id, "EG_x");
    EXPECT_EQ(upload->complete(as_bytes(head), body.size())->etag, stored->etag)
        << "once is enough";
}

TEST_P(StoreContract, PartsAtTheirLimits) {
    // The body ends exactly where a part does, and one byte to either side.
    for (const std::uint64_t size :
         {std::uint64_t{0}, 10 * kMiB - 1, 10 * kMiB, 10 * kMiB + 1, 15 * kMiB}) {
        const std::string body = random_text(size, 3);
        const std::string key = "limits/" + std::to_string(size);
        const auto upload = session(spec(key, body));
        ASSERT_TRUE(upload->advance(size));
        const auto stored = upload->complete(as_bytes("H"), size);
        ASSERT_TRUE(stored) << stored.error().to_string();
        EXPECT_TRUE(content(key) == "H" + body) << size;
    }
}

TEST_P(StoreContract, ATakenNameGetsTheEgressId) {
    ASSERT_TRUE(store()->put_object("names/a.mp4", "older", {}));
    ASSERT_TRUE(store()->put_object("names/a-EG_x.mp4", "older too", {}));
    const auto small = session(spec("names/a.mp4", "body"))->complete(as_bytes("1"), 4);
    ASSERT_TRUE(small) << small.error().to_string();
    EXPECT_EQ(small->key, "names/a-EG_x-2.mp4");
    EXPECT_EQ(content("names/a.mp4"), "older");

    // Taken between the first look and the end, by a small and by a large one.
    for (const std::uint64_t size : {4 * kMiB, 11 * kMiB}) {
        const std::string key = "raced/" + std::to_string(size);
        const std::string body = random_text(size, 4);
        const auto upload = session(spec(key, body));
        ASSERT_TRUE(upload->advance(size));
        ASSERT_TRUE(store()->put_object(key, "quicker", {}));
        const auto stored = upload->complete(as_bytes("H"), size);
        ASSERT_TRUE(stored) << stored.error().to_string();
        EXPECT_EQ(stored->key, key + "-EG_x");
        EXPECT_EQ(content(key), "quicker");
        EXPECT_TRUE(content(stored->key) == "H" + body);
    }
}

TEST_P(StoreContract, ReplacesWhatItIsToldTo) {
    for (const std::uint64_t size : {std::uint64_t{4}, 11 * kMiB}) {
        ASSERT_TRUE(store()->put_object("replaced", "older", {}));
        const std::string body = random_text(size, 12);
        UploadSpec what = spec("replaced", body);
        what.if_taken = UploadSpec::IfTaken::Replace;
        const auto stored = session(what)->complete(as_bytes("H"), size);
        ASSERT_TRUE(stored) << stored.error().to_string();
        EXPECT_EQ(stored->key, "replaced");
        EXPECT_TRUE(content("replaced") == "H" + body);
    }
}

TEST_P(StoreContract, GoesOnWhenTheStoreComesBack) {
    const std::string body = random_text(22 * kMiB, 5);
    const auto upload = session(spec("outage.mp4", body));
    ASSERT_TRUE(upload->advance(12 * kMiB));
    EXPECT_EQ(upload->sent_bytes(), 5 * kMiB);
    peer_->stop();
    const auto sent = upload->advance(16 * kMiB);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Errc::Unavailable) << sent.error().to_string();
    const auto early = upload->complete(as_bytes("HEAD"), body.size());
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, Errc::Unavailable);
    EXPECT_EQ(upload->sent_bytes(), 5 * kMiB) << "what was sent stays sent";
    peer_->start();
    ASSERT_TRUE(upload->advance(16 * kMiB));
    const auto stored = upload->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(content("outage.mp4") == "HEAD" + body);
}

TEST_P(StoreContract, GoesOnAfterARestartOfOurs) {
    const std::string body = random_text(21 * kMiB, 6);
    UploadSpec what = spec("restart.mp4", body);
    {
        const auto first = session(what);
        ASSERT_TRUE(first->advance(16 * kMiB));
        what.checkpoint = first->checkpoint();
    }
    ASSERT_FALSE(what.checkpoint.empty());
    EXPECT_THAT(what.checkpoint, Not(HasSubstr("secret")));
    const auto second = session(what);
    ASSERT_TRUE(second->advance(16 * kMiB));
    EXPECT_EQ(second->checkpoint(), what.checkpoint) << "nothing was sent twice";
    const auto stored = second->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(content("restart.mp4") == "HEAD" + body);

    // Once more, though all was done: the restart came before it could be written down.
    const auto third = session(what);
    const auto again = third->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->key, "restart.mp4");
}

TEST_P(StoreContract, BeginsAnewWhenTheBodyIsAnother) {
    UploadSpec what = spec("changed.mp4", random_text(21 * kMiB, 7));
    {
        const auto first = session(what);
        ASSERT_TRUE(first->advance(16 * kMiB));
        what.checkpoint = first->checkpoint();
    }
    const std::string body = random_text(21 * kMiB, 8);
    tests::write_file(what.body_path, std::string(100, 'h') + body);
    const auto stored = session(what)->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_TRUE(content("changed.mp4") == "HEAD" + body);
    // A checkpoint of no sense is none.
    what.checkpoint = "aircheck-upload-1\nx\ny\n7 5 5 5\n";
    what.key = "senseless.mp4";
    EXPECT_TRUE(session(what)->complete(as_bytes("HEAD"), body.size()));
}

TEST_P(StoreContract, BeginsAnewWhenTheStoreForgot) {
    const std::string body = random_text(22 * kMiB, 9);
    const auto upload = session(spec("forgotten.mp4", body));
    ASSERT_TRUE(upload->advance(20 * kMiB));
    // Another client's object of the name drops Azure's blocks; the others forget when told to.
    const std::string checkpoint = upload->checkpoint();
    const auto id_begins = checkpoint.find('\n', checkpoint.find('\n') + 1) + 1;
    const std::string id =
        checkpoint.substr(id_begins, checkpoint.find('\n', id_begins) - id_begins);
    ASSERT_TRUE(store()->abort_multipart("forgotten.mp4", net::percent_decode(id)));
    ASSERT_TRUE(store()->put_object("forgotten.mp4", "x", {}));
    ASSERT_TRUE(store()->delete_object("forgotten.mp4"));
    const auto stored = upload->complete(as_bytes("HEAD"), body.size());
    ASSERT_TRUE(stored) << stored.error().to_string();
    EXPECT_EQ(stored->key, "forgotten.mp4");
    EXPECT_TRUE(content("forgotten.mp4") == "HEAD" + body);
}

INSTANTIATE_TEST_SUITE_P(
    Stores,
    StoreContract,
    ::testing::ValuesIn(testing::all_peer_kinds()),
    [](const auto& kind) { return std::string(kind.param.name); }
);

}  // namespace
}  // namespace aircheck::storage
