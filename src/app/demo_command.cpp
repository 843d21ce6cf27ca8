#include "api/conversation_json.hpp"
#include "app/commands.hpp"
#include "app/demo_voices.hpp"
#include "app/interrupts.hpp"
#include "app/options_of.hpp"
#include "app/service.hpp"
#include "core/id.hpp"
#include "net/loop.hpp"
#include "net/url.hpp"
#include "records/store.hpp"
#include "sim/server.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace aircheck::app {
namespace {

/// `--once` ends by itself; this long after the callers have finished, something is wrong.
constexpr Nanoseconds kOnceGrace = 60s;

/// Another room each time: a room that comes back soon would go on with the conversation before.
std::string new_room() { return new_id("demo-"); }

/// The demo's own service: the built-in room's server, local files, one rule, any free port.
Config demo_config(Config config, const std::string& room_server, const std::string& room) {
    config.livekit.ws_url = room_server;
    config.livekit.api_key = "devkey";
    config.livekit.api_secret = Secret("secret");
    config.data_dir += "/demo";  // Beside the records of real calls, never among them.
    config.storage.s3.reset();
    config.storage.gcp.reset();
    config.storage.azure.reset();
    config.storage.local_directory = config.data_dir + "/recordings";
    config.database.clear();
    config.webhooks.clear();
    config.http.bind_host = "127.0.0.1";
    if (config.origins.find("http.bind") == config.origins.end()) config.http.bind_port = 0;
    config.http.public_url.clear();
    config.recording_urls = RecordingUrls::Link;
    config.disallow_local_storage = false;  // The demo's own folder is all there is.
    AutoRecordRule rule;
    rule.rooms = room;
    rule.filepath = "demo/{room_name}-{time}.mp4";
    config.auto_record = {rule};
    return config;
}

/// The demo's newest conversation, once it is complete or failed.
std::optional<records::ConversationDetails> finished(
    records::Store& store, const std::string& room
) {
    records::ConversationQuery query;
    query.room_name = room;
    query.limit = 1;
    auto page = store.list_conversations(query);
    if (!page || page->items.empty()) return std::nullopt;
    const auto& details = page->items.front();
    const auto status = details.conversation.status;
    if (status != records::ConversationStatus::Complete &&
        status != records::ConversationStatus::Failed) {
        return std::nullopt;
    }
    return details;
}

class Demo {
public:
    Demo(net::Loop& loop, const DemoCommand& command)
        : loop_(loop), command_(command), timer_(loop), limit_(loop) {}

    ExitCode run(const Config& config) {
        auto prepared = prepare(config);
        if (!prepared) {
            complain(prepared.error());
            return ExitCode::Failed;
        }
        Interrupts interrupts;
        net::SignalWatch watch(loop_, {SIGINT, SIGTERM}, [&](int) {
            const auto meaning = interrupts.take(monotonic_now());
            if (meaning == Interrupts::Meaning::Echo) return;
            if (meaning == Interrupts::Meaning::Second) {
                std::_Exit(static_cast<int>(ExitCode::Interrupted));
            }
            service_->shut_down([this] { loop_.stop(); });
        });
        if (command_.once) limit_.after(command_.length + kOnceGrace, [this] { give_up(); });
        poll();
        loop_.run("aircheck");
        service_.reset();
        return result_;
    }

private:
    Result<> prepare(const Config& config) {
        AC_TRY(rooms_, sim::Server::start(loop_, {}));
        AC_TRY(auto demo, make_demo_callers(config.data_dir + "/demo/voices", command_.length));
        std::printf(
            "A room with two callers, %s, over real WebRTC on this machine.\n",
            demo.are_tones ? "who are tones (install espeak-ng to hear them speak)"
                           : "who talk for a while"
        );
        const Config own = demo_config(config, rooms_->url(), room_);
        AC_TRY(service_, Service::create(loop_, own));
        AC_CHECK_OK(service_->start());
        AC_TRY(store_, records::Store::open(database_of(own)));
        sim::Room room;
        room.name = room_;
        room.metadata = R"({"demo":true})";
        room.callers = std::move(demo.callers);
        AC_CHECK_OK(rooms_->add_room(std::move(room)));
        std::printf("Recording …\n");
        std::fflush(stdout);
        return {};
    }

    void poll() {
        const auto done = finished(*store_, room_);
        if (!done) {
            timer_.after(200ms, [this] { poll(); });
            return;
        }
        tell(*done);
        limit_.cancel();
        if (command_.once) {
            service_->shut_down([this] { loop_.stop(); });
            return;
        }
        std::printf(
            "\nThe service stays open at %s (Ctrl-C ends it).\n", service_->public_url().c_str()
        );
        std::fflush(stdout);
    }

    void give_up() {
        complain("the demo's recording did not end in time");
        result_ = ExitCode::Failed;
        timer_.cancel();
        limit_.after(kOnceGrace, [] { std::_Exit(static_cast<int>(ExitCode::Failed)); });
        service_->shut_down([this] { loop_.stop(); });
    }

    void tell(const records::ConversationDetails& details) {
        const auto url_of = [this](const records::PlayableMix& mix) {
            return service_->public_url() + "/r/" + mix.egress_id +
                   "?k=" + net::percent_encode(mix.link_key);
        };
        const auto record = api::to_json(details, url_of);
        std::printf(
            "\nThe conversation's record:\n%s\n",
            record.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str()
        );
        const auto mix = records::playable_mix(details.recordings);
        if (!mix) {
            complain("the recording failed");
            result_ = ExitCode::Failed;
            return;
        }
        std::printf(
            "\nThe file: %s (%.1f s)\nThe link: %s\n",
            mix->file.location.c_str(),
            to_seconds(mix->file.duration),
            url_of(*mix).c_str()
        );
        std::fflush(stdout);
    }

    net::Loop& loop_;
    DemoCommand command_;
    net::Timer timer_;
    net::Timer limit_;
    std::unique_ptr<sim::Server> rooms_;
    std::unique_ptr<Service> service_;
    std::unique_ptr<records::Store> store_;
    const std::string room_ = new_room();
    ExitCode result_ = ExitCode::Done;
};

}  // namespace

ExitCode run_demo(Config config, const DemoCommand& command) {
    net::Loop loop;
    Demo demo(loop, command);
    return demo.run(config);
}

}  // namespace aircheck::app
