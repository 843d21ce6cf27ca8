#pragma once

#include "app/config.hpp"
#include "app/exit_code.hpp"
#include "core/time.hpp"

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace aircheck::app {

/// Runs until a signal ends it, as StopSignals says.
[[nodiscard]] ExitCode run_serve(const Config& config);

struct RecordCommand {
    std::string room;
    std::string output;      ///< A path or s3://bucket/key; "": the configured store.
    Nanoseconds wait = 10s;  ///< For the room to exist, and for the first packet.
    std::string file_type;   ///< "mp4", "ogg"; "": by the output's extension, else mp4.
    AudioMixing mixing = AudioMixing::Default;
    bool track_files = false;  ///< Each track's own file beside it, and the manifest.
};
/// One recording in the foreground, with a progress line.
[[nodiscard]] ExitCode run_record(const Config& config, const RecordCommand& command);

struct RenderCommand {
    std::string journal;  ///< A folder of segments (spool/EG_…) or one .acj file.
    std::string output;   ///< ".mp4", ".ogg", ".mp3", ".wav" or ".flac".
    bool late = false;    ///< Waits longer, so that packets too late for the live mix are used.
    bool track_files = false;  ///< Each track's own file, too: "call/ann-TR_x.ogg" of "call.mp4".
};
[[nodiscard]] ExitCode run_render(const RenderCommand& command);

enum class Listing { Text, Json };
[[nodiscard]] ExitCode run_doctor(const Config& config, Listing listing);
/// What doctor says of the store, alone.
[[nodiscard]] ExitCode run_storage_check(const Config& config, Listing listing);

[[nodiscard]] ExitCode run_egress_list(const Config& config, Listing listing);
[[nodiscard]] ExitCode run_egress_show(
    const Config& config, const std::string& id, Listing listing
);
[[nodiscard]] ExitCode run_egress_stop(const Config& config, const std::string& id);
[[nodiscard]] ExitCode run_egress_upload(const Config& config, const std::string& id);

struct RecoverCommand {
    std::vector<std::string> egress_ids;  ///< None: all that have copies.
    bool force = false;                   ///< Also those that somebody may still record.
};
/// Finishes recordings whose machine is gone; by the service that runs here, if one does.
[[nodiscard]] ExitCode run_recover(const Config& config, const RecoverCommand& command);

struct ConversationFilter {
    std::string room_name;
    int limit = 50;
};
[[nodiscard]] ExitCode run_conversations_list(
    const Config& config, const ConversationFilter& filter, Listing listing
);
[[nodiscard]] ExitCode run_conversations_show(
    const Config& config, const std::string& id, Listing listing
);
[[nodiscard]] ExitCode run_conversations_url(const Config& config, const std::string& id);

struct DemoCommand {
    bool once = false;         ///< Ends after the recording instead of leaving the service open.
    Nanoseconds length = 20s;  ///< Of the conversation.
};
[[nodiscard]] ExitCode run_demo(Config config, const DemoCommand& command);

/// A completion script for "bash", "zsh" or "fish", of what `app` knows; "" for another shell.
[[nodiscard]] std::string completion_script(const CLI::App& app, const std::string& shell);

/// "aircheck: words" on standard error.
void complain(const std::string& words);
void complain(const Error& error);

}  // namespace aircheck::app
