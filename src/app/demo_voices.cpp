#include "app/demo_voices.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

extern char** environ;

namespace aircheck::app {
namespace {

struct Line {
    enum class Speaker { Agent, Caller } speaker;
    const char* words;
};

constexpr std::array<Line, 6> kConversation{{
    {Line::Speaker::Agent, "Hello, this is the air check demo. How can I help you?"},
    {Line::Speaker::Caller, "Hi! I would like to know whether this call is recorded."},
    {Line::Speaker::Agent, "Yes it is. Every word of it, from a real web R T C connection."},
    {Line::Speaker::Caller, "And what happens to the recording?"},
    {Line::Speaker::Agent,
     "It goes to your bucket, and a link to it onto the record of this call."},
    {Line::Speaker::Caller, "That is all I need. Goodbye!"},
}};

constexpr Nanoseconds kPause = 350ms;

/// Has espeak-ng say `words` into `path`; false when there is no espeak-ng, or it fails.
bool speak(const Line& line, const std::string& path) {
    const char* voice = line.speaker == Line::Speaker::Agent ? "en-us+f3" : "en-gb+m3";
    std::array<std::string, 8> words = {
        "espeak-ng", "-v", voice, "-s", "165", "-w", path, line.words};
    std::array<char*, 9> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
    pid_t child = 0;
    if (posix_spawnp(&child, "espeak-ng", nullptr, nullptr, arguments.data(), environ) != 0)
        return false;
    int status = 0;
    if (waitpid(child, &status, 0) != child) return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

sim::Caller caller_of(Line::Speaker speaker, Nanoseconds length) {
    sim::Caller caller;
    const bool agent = speaker == Line::Speaker::Agent;
    caller.identity = agent ? "agent-demo" : "caller-ada";
    caller.name = agent ? "Demo agent" : "Ada";
    caller.kind = agent ? sim::CallerKind::Agent : sim::CallerKind::Standard;
    if (!agent) caller.attributes["customer"] = "C-1001";
    caller.stop = length;
    return caller;
}

Result<DemoCallers> make_tones(Nanoseconds length) {
    DemoCallers demo;
    demo.are_tones = true;
    int hz = 440;
    for (const auto speaker : {Line::Speaker::Agent, Line::Speaker::Caller}) {
        sim::Caller caller = caller_of(speaker, length);
        AC_TRY(auto tone, sim::Voice::tone(hz, 0.2));
        caller.utterances.push_back({Nanoseconds(0), std::move(tone)});
        demo.callers.push_back(std::move(caller));
        hz = 1000;
    }
    return demo;
}

}  // namespace

Result<DemoCallers> make_demo_callers(const std::string& folder, Nanoseconds length) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) return fail(failed, "folder '" + folder + "'");
    DemoCallers demo;
    sim::Caller agent = caller_of(Line::Speaker::Agent, length);
    sim::Caller caller = caller_of(Line::Speaker::Caller, length);
    std::vector<std::shared_ptr<const sim::Voice>> voices;
    for (std::size_t i = 0; i < kConversation.size(); ++i) {
        const std::string path = folder + "/line-" + std::to_string(i) + ".wav";
        if (!std::filesystem::exists(path) && !speak(kConversation[i], path))
            return make_tones(length);
        AC_TRY(auto voice, sim::Voice::from_wav(path, {}));
        voices.push_back(std::move(voice));
    }
    Nanoseconds at = 300ms;
    for (std::size_t i = 0; at < length; i = (i + 1) % voices.size()) {
        const bool by_agent = kConversation[i].speaker == Line::Speaker::Agent;
        (by_agent ? agent : caller).utterances.push_back({at, voices[i]});
        at += voices[i]->duration() + kPause;
    }
    demo.callers = {std::move(agent), std::move(caller)};
    return demo;
}

}  // namespace aircheck::app
