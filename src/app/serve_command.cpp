#include "app/commands.hpp"
#include "app/interrupts.hpp"
#include "app/service.hpp"
#include "core/log.hpp"
#include "net/loop.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace aircheck::app {

void complain(const std::string& words) { std::fprintf(stderr, "aircheck: %s\n", words.c_str()); }
void complain(const Error& error) { complain(error.to_string()); }

ExitCode run_serve(const Config& config) {
    for (const std::string& warning : config.warnings) {
        log::warn("config.no_effect", {{"what", warning}});
    }
    net::Loop loop;
    auto service = Service::create(loop, config);
    if (!service) {
        complain(service.error());
        return ExitCode::Failed;
    }
    if (auto started = (*service)->start(); !started) {
        complain(started.error());
        return ExitCode::Failed;
    }
    log::info(
        "serving",
        {{"address", (*service)->address().to_string()},
         {"public_url", (*service)->public_url()},
         {"livekit", config.livekit.ws_url},
         {"rules", config.auto_record.size()},
         {"version", AIRCHECK_VERSION}}
    );
    Interrupts interrupts;
    net::SignalWatch watch(loop, {SIGTERM, SIGINT}, [&](int) {
        const auto meaning = interrupts.take(monotonic_now());
        if (meaning == Interrupts::Meaning::Echo) return;
        if (meaning == Interrupts::Meaning::Second) {
            log::warn("leaving_at_once");
            std::_Exit(static_cast<int>(ExitCode::Interrupted));
        }
        log::info("shutting_down");
        (*service)->shut_down([&loop] { loop.stop(); });
    });
    loop.run("aircheck");
    service->reset();
    return ExitCode::Done;
}

}  // namespace aircheck::app
