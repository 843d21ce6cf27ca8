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
    StopSignals signals;
    const auto leave = [&loop] { loop.stop(); };
    net::SignalWatch watch(loop, {SIGTERM, SIGQUIT, SIGINT}, [&](int signal) {
        switch (signals.take(signal, monotonic_now())) {
            case StopSignals::Meaning::Drain:
                log::info("draining", {{"recordings", (*service)->recordings()}});
                (*service)->drain(leave);
                break;
            case StopSignals::Meaning::Hurry:
                log::info("shutting_down", {{"recordings", (*service)->recordings()}});
                (*service)->shut_down(leave);
                break;
            case StopSignals::Meaning::Leave:
                log::warn("leaving_at_once", {{"recordings", (*service)->recordings()}});
                std::_Exit(static_cast<int>(ExitCode::Interrupted));
            case StopSignals::Meaning::Echo:
                break;
        }
    });
    loop.run("aircheck");
    service->reset();
    return ExitCode::Done;
}

}  // namespace aircheck::app
