#include "recorder/stream_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace aircheck::recorder {
namespace {

using State = StreamResult::State;
using testing::ElementsAre;
using testing::HasSubstr;

/// What a scripted sink was told, by its URL and the number of its connection.
struct Script {
    struct Connection {
        streams::Sink::Listener listener;
        std::vector<std::int64_t> written;
        std::vector<streams::Muted> mutes;
        bool is_closed = false;
        bool is_gone = false;
    };
    std::map<std::string, std::vector<std::shared_ptr<Connection>>> of;

    Connection& last(const std::string& url) { return *of[url].back(); }
    std::size_t count(const std::string& url) { return of[url].size(); }
};

class ScriptedSink final : public streams::Sink {
public:
    explicit ScriptedSink(std::shared_ptr<Script::Connection> connection)
        : connection_(std::move(connection)) {}
    ~ScriptedSink() override { connection_->is_gone = true; }

    void write(const media::EncodedSample& sample) override {
        connection_->written.push_back(sample.pts);
    }
    void tell_muted(streams::Muted muted) override { connection_->mutes.push_back(muted); }
    void close() override { connection_->is_closed = true; }

private:
    std::shared_ptr<Script::Connection> connection_;
};

streams::Target target(const std::string& name) {
    return {"rtmp://h/live/" + name + "-secret", "rtmp://h/live/{" + name + "}", name};
}

class Streams : public testing::Test {
protected:
    void make(const std::vector<std::string>& names, StreamSet::Limits limits = {}) {
        StreamOutput output;
        for (const auto& name : names) output.targets.push_back(target(name));
        auto maker = [this](const auto& to, const auto&, streams::Sink::Listener listener) {
            auto connection = std::make_shared<Script::Connection>();
            connection->listener = std::move(listener);
            script_.of[to.id].push_back(connection);
            return std::make_unique<ScriptedSink>(connection);
        };
        set_.emplace(std::move(output), std::move(maker), log::RecordingLog(), limits);
    }
    [[nodiscard]] StreamSet::Now now() const {
        return {Instant(at_), WallTime(std::chrono::hours(24)) + at_};
    }
    bool tick(Nanoseconds passed = 100ms) {
        at_ += passed;
        return set_->tick(now());
    }
    void begin() { set_->begin({}, now()); }
    void write(std::int64_t pts) {
        media::EncodedSample sample;
        sample.pts = pts;
        set_->write(sample);
    }
    void fail_stream(const std::string& name, std::string words, bool is_stalled = false) {
        script_.last(name).listener.on_failed(
            {Error{make_error_code(Errc::Unavailable), std::move(words)}, is_stalled}
        );
        tick();
    }
    void prove(const std::string& name) {
        script_.last(name).listener.on_progress();
        tick();
    }
    [[nodiscard]] std::vector<State> states() const {
        std::vector<State> all;
        for (const auto& result : set_->results()) all.push_back(result.state);
        return all;
    }
    [[nodiscard]] const StreamResult& result(std::size_t index) const {
        return set_->results().at(index);
    }

    Script script_;
    std::optional<StreamSet> set_;
    Nanoseconds at_ = 10s;
};

TEST_F(Streams, AreToldOfMutesAnewWhenTheyAreBack) {
    using streams::Muted;
    make({"a"});
    begin();
    EXPECT_TRUE(script_.last("a").mutes.empty());
    prove("a");
    set_->tell_muted(Muted::Yes);
    EXPECT_THAT(script_.last("a").mutes, ElementsAre(Muted::Yes));
    fail_stream("a", "gone");
    tick(1s);
    ASSERT_EQ(script_.count("a"), 2U);
    EXPECT_THAT(script_.last("a").mutes, ElementsAre(Muted::Yes));
    set_->tell_muted(Muted::No);
    EXPECT_THAT(script_.last("a").mutes, ElementsAre(Muted::Yes, Muted::No));
}

TEST_F(Streams, ConnectWhenThereIsMedia) {
    make({"a", "b"});
    tick();
    EXPECT_EQ(script_.count("a"), 0);
    EXPECT_THAT(states(), ElementsAre(State::Active, State::Active));
    EXPECT_FALSE(result(0).started_at);
    begin();
    write(7);
    EXPECT_THAT(script_.last("a").written, ElementsAre(7));
    EXPECT_THAT(script_.last("b").written, ElementsAre(7));
    EXPECT_EQ(result(0).url, "rtmp://h/live/{a}");
    EXPECT_EQ(result(0).started_at, now().wall);
}

TEST_F(Streams, OneThatFailsAtOnceHasFailedAndTheOtherGoesOn) {
    make({"bad", "good"});
    begin();
    fail_stream("bad", "connection refused");
    EXPECT_THAT(states(), ElementsAre(State::Failed, State::Active));
    EXPECT_THAT(result(0).error, HasSubstr("connection refused"));
    EXPECT_EQ(result(0).retries, 0);
    EXPECT_EQ(result(0).ended_at, now().wall);
    EXPECT_FALSE(set_->is_spent());
    tick(60s);
    EXPECT_EQ(script_.count("bad"), 1) << "it is not tried again";
    write(3);
    EXPECT_THAT(script_.last("good").written, ElementsAre(3));
}

TEST_F(Streams, OneThatBreaksOffIsConnectedToAgain) {
    make({"a"});
    begin();
    prove("a");
    fail_stream("a", "broken pipe");
    EXPECT_THAT(states(), ElementsAre(State::Active));
    EXPECT_TRUE(script_.last("a").is_gone);
    write(1);  // Nobody is there: lost.
    EXPECT_TRUE(tick(1s));
    EXPECT_EQ(script_.count("a"), 2);
    EXPECT_EQ(result(0).retries, 1);
    EXPECT_EQ(result(0).last_retry_at, now().wall);
    write(2);
    EXPECT_THAT(script_.last("a").written, ElementsAre(2)) << "on with what is mixed now";
    fail_stream("a", "connection refused");
    tick(1s);
    EXPECT_EQ(result(0).retries, 2);
    prove("a");
    EXPECT_EQ(result(0).error, "");
}

TEST_F(Streams, AfterThirtySecondsAStreamIsGivenUp) {
    make({"a"});
    begin();
    prove("a");
    fail_stream("a", "broken pipe");
    const Nanoseconds broken = at_;
    while (result(0).state == State::Active && at_ < broken + 60s) {
        tick(1s);
        if (result(0).state == State::Active) fail_stream("a", "connection refused");
    }
    EXPECT_THAT(states(), ElementsAre(State::Failed));
    EXPECT_GT(at_ - broken, 25s);
    EXPECT_LE(at_ - broken, 30s);
    EXPECT_GT(result(0).retries, 20);
    EXPECT_TRUE(set_->is_spent());
    EXPECT_THAT(set_->last_error(), HasSubstr("rtmp://h/live/{a}: connection refused"));
}

TEST_F(Streams, EachBreakHasThirtySecondsOfItsOwn) {
    make({"a"});
    begin();
    for (int i = 0; i < 5; ++i) {
        prove("a");
        tick(20s);
        fail_stream("a", "broken pipe");
        tick(1s);
    }
    EXPECT_THAT(states(), ElementsAre(State::Active));
    EXPECT_EQ(result(0).retries, 5);
}

TEST_F(Streams, AStalledOneIsNotTriedAgain) {
    make({"a"});
    begin();
    prove("a");
    fail_stream("a", "no progress for 30 s", true);
    EXPECT_THAT(states(), ElementsAre(State::Failed));
    EXPECT_EQ(result(0).retries, 0);
}

TEST_F(Streams, AddsThenRemoves) {
    make({"a"});
    begin();
    ASSERT_TRUE(set_->update({{target("b")}, {target("a")}}, now()));
    EXPECT_TRUE(tick());
    EXPECT_THAT(states(), ElementsAre(State::Finished, State::Active));
    EXPECT_TRUE(script_.last("a").is_closed);
    write(1);
    EXPECT_TRUE(script_.last("a").written.empty());
    EXPECT_THAT(script_.last("b").written, ElementsAre(1));
    script_.last("a").listener.on_closed();
    tick();
    EXPECT_TRUE(script_.last("a").is_gone);
    EXPECT_FALSE(set_->is_spent());
    ASSERT_TRUE(set_->update({{target("a")}, {}}, now())) << "a URL that is over may come again";
    EXPECT_THAT(states(), ElementsAre(State::Finished, State::Active, State::Active));
}

TEST_F(Streams, RemovingTheLastOneIsNoFailure) {
    make({"bad", "last"});
    begin();
    fail_stream("bad", "refused");
    ASSERT_TRUE(set_->update({{}, {target("last")}}, now()));
    tick();
    EXPECT_TRUE(set_->is_spent());
    EXPECT_EQ(set_->last_error(), "");
}

TEST_F(Streams, AnUpdateIsDoneWholeOrNotAtAll) {
    make({"a"});
    begin();
    const auto unknown = set_->update({{target("b")}, {target("c")}}, now());
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::NotFound);
    EXPECT_EQ(unknown.error().context, "stream rtmp://h/live/{c} not found");
    const auto twice = set_->update({{target("b"), target("a")}, {}}, now());
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, Errc::AlreadyExists);
    EXPECT_THAT(states(), ElementsAre(State::Active));
    EXPECT_EQ(script_.count("b"), 0);
}

TEST_F(Streams, AreLimitedInNumber) {
    StreamSet::Limits limits;
    limits.most_at_once = 2;
    make({"a"}, limits);
    ASSERT_TRUE(set_->update({{target("b")}, {}}, now()));
    const auto third = set_->update({{target("c")}, {}}, now());
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, Errc::InvalidArgument);
}

TEST_F(Streams, AnEmptyPlaceIsNeverSpent) {
    make({});
    begin();
    tick();
    EXPECT_FALSE(set_->is_spent());
    ASSERT_TRUE(set_->update({{target("a")}, {}}, now()));
    write(1);
    EXPECT_THAT(script_.last("a").written, ElementsAre(1));
}

TEST_F(Streams, FinishWaitsForThemButNotForEver) {
    make({"a", "b"});
    begin();
    set_->finish(now(), "");
    EXPECT_THAT(states(), ElementsAre(State::Finished, State::Finished));
    EXPECT_FALSE(set_->is_over());
    script_.last("a").listener.on_closed();
    tick();
    EXPECT_FALSE(set_->is_over());
    tick(10s);
    EXPECT_TRUE(set_->is_over()) << "b never says that it is closed";
}

TEST_F(Streams, AFailedRecordingFailsThem) {
    make({"a"});
    begin();
    set_->finish(now(), "connection to room failed");
    EXPECT_THAT(states(), ElementsAre(State::Failed));
    EXPECT_EQ(result(0).error, "connection to room failed");
}

TEST_F(Streams, AFormerConnectionSaysNothingMore) {
    make({"a"});
    begin();
    prove("a");
    const auto former = script_.last("a").listener;
    fail_stream("a", "broken pipe");
    tick(1s);
    former.on_failed({Error{make_error_code(Errc::Failed), "late"}, true});
    tick();
    EXPECT_THAT(states(), ElementsAre(State::Active));
}

}  // namespace
}  // namespace aircheck::recorder
