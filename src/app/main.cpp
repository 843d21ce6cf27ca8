#include "app/commands.hpp"
#include "app/database_commands.hpp"
#include "app/delivery_commands.hpp"
#include "app/store_check.hpp"
#include "core/log.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <memory>

namespace {

using namespace aircheck;
using namespace aircheck::app;

/// What the command line said; filled by CLI11, read once it is parsed.
struct Arguments {
    SourceFlags sources;
    std::string bind, data_dir, log_level;
    bool print_config = false;
    bool json = false;
    RecordCommand record;
    std::string wait = "10s";
    std::string mixing = "default";
    RenderCommand render;
    RecoverCommand recover;
    DemoCommand demo;
    std::string demo_length = "20s";
    ConversationFilter filter;
    DeliveryArguments deliveries;
    DatabaseArguments database;
    std::string id;
    std::string shell;

    [[nodiscard]] Listing listing() const { return json ? Listing::Json : Listing::Text; }
};

void add_flag_values(Arguments& arguments) {
    auto& values = arguments.sources.values;
    if (!arguments.bind.empty()) values.push_back({"http.bind", arguments.bind, "--bind"});
    if (!arguments.data_dir.empty())
        values.push_back({"data_dir", arguments.data_dir, "--data-dir"});
    if (!arguments.log_level.empty()) {
        values.push_back({"logging.level", arguments.log_level, "--log-level"});
    }
}

void add_common(CLI::App& command, Arguments& arguments) {
    command.add_option("-c,--config", arguments.sources.config_file, "YAML configuration file");
    command.add_option("--config-body", arguments.sources.config_body, "YAML configuration itself");
    command.add_option("--data-dir", arguments.data_dir, "Database, spool and local recordings");
    command.add_option(
        "--log-level", arguments.log_level, "trace, debug, info, warn, error or off"
    );
}

int usage(const std::string& words) {
    complain(words);
    return static_cast<int>(ExitCode::Usage);
}

/// Commands in the foreground log less, unless they were told otherwise.
void quieten(const Config& config, log::Level level) {
    if (config.origins.find("logging.level") == config.origins.end()) {
        log::configure(level, config.logging.format);
    }
}

template <typename Run>
int with_config(Arguments& arguments, Run run) {
    add_flag_values(arguments);
    auto sources = gather_sources(arguments.sources);
    if (!sources) return usage(sources.error().to_string());
    auto config = load(*sources);
    if (!config) return usage(config.error().to_string());
    if (auto store = check_store(*config); !store) return usage(store.error().to_string());
    log::configure(config->logging.level, config->logging.format);
    return static_cast<int>(run(*config));
}

int serve(Arguments& arguments) {
    return with_config(arguments, [&](const Config& config) {
        if (arguments.print_config) {
            std::fputs(print_config(config).c_str(), stdout);
            for (const std::string& warning : config.warnings) complain(warning);
        }
        if (auto ready = check_for_serve(config); !ready) {
            complain(ready.error());
            return ExitCode::Usage;
        }
        return arguments.print_config ? ExitCode::Done : run_serve(config);
    });
}

int record(Arguments& arguments) {
    const auto wait = parse_duration(arguments.wait);
    if (!wait) return usage("--wait: " + wait.error().to_string());
    arguments.record.wait = *wait;
    if (arguments.mixing == "dual_channel_agent") {
        arguments.record.mixing = AudioMixing::DualChannelAgent;
    } else if (arguments.mixing == "dual_channel_alternate") {
        arguments.record.mixing = AudioMixing::DualChannelAlternate;
    }
    return with_config(arguments, [&](const Config& config) {
        quieten(config, log::Level::Off);  // The progress line and the last message say it all.
        return run_record(config, arguments.record);
    });
}

int demo(Arguments& arguments) {
    const auto length = parse_duration(arguments.demo_length);
    if (!length) return usage("--length: " + length.error().to_string());
    if (*length < 1s) return usage("--length: " + arguments.demo_length + " is shorter than 1 s");
    arguments.demo.length = *length;
    return with_config(arguments, [&](const Config& config) {
        quieten(config, log::Level::Warn);
        return run_demo(config, arguments.demo);
    });
}

int complete(const CLI::App& app, const Arguments& arguments) {
    const std::string script = completion_script(app, arguments.shell);
    std::fputs(script.c_str(), stdout);
    return 0;
}

void add_recording_commands(CLI::App& app, Arguments& all, std::function<int()>& chosen) {
    auto* command = app.add_subcommand("serve", "Run the service: recorder, API and webhooks");
    add_common(*command, all);
    command->add_option("--bind", all.bind, "Address and port to listen on");
    command->add_flag(
        "--print-config", all.print_config, "Show what is in force and where it came from"
    );
    command->callback([&] { chosen = [&] { return serve(all); }; });

    command =
        app.add_subcommand("demo", "Record a conversation in a built-in room: no server needed");
    add_common(*command, all);
    command->add_flag("--once", all.demo.once, "End after the recording");
    command->add_option("--length", all.demo_length, "How long the callers talk")
        ->capture_default_str();
    command->callback([&] { chosen = [&] { return demo(all); }; });

    command = app.add_subcommand("record", "Record one room in the foreground");
    add_common(*command, all);
    command->add_option("room", all.record.room, "The room's name")->required();
    command->add_option(
        "-o,--output", all.record.output, "A file, s3://bucket/key, gs://… or azure://…"
    );
    command->add_option("--wait", all.wait, "How long to wait for the room and its sound")
        ->capture_default_str();
    command->add_option("--file-type", all.record.file_type, "mp4, ogg, mp3, wav or flac")
        ->check(CLI::IsMember({"mp4", "ogg", "mp3", "wav", "flac"}));
    command->add_option("--audio-mixing", all.mixing, "How tracks become channels")
        ->check(CLI::IsMember({"default", "dual_channel_agent", "dual_channel_alternate"}));
    command->add_flag(
        "--track-files", all.record.track_files, "Each track's own file, too, and a manifest"
    );
    command->callback([&] { chosen = [&] { return record(all); }; });

    command = app.add_subcommand("render", "Make a file from a recording's journal");
    command->add_option("journal", all.render.journal, "A spool folder, or one .acj file")
        ->required();
    command
        ->add_option("-o,--output", all.render.output, "The file: .mp4, .ogg, .mp3, .wav or .flac")
        ->required();
    command->add_flag("--late", all.render.late, "Use packets that came too late for the live mix");
    command->add_flag("--track-files", all.render.track_files, "Each track's own file, too");
    command->callback([&] { chosen = [&] { return static_cast<int>(run_render(all.render)); }; });
}

void add_record_keeping_commands(CLI::App& app, Arguments& all, std::function<int()>& chosen) {
    auto* doctor =
        app.add_subcommand("doctor", "Check configuration, LiveKit, Redis, storage and webhooks");
    add_common(*doctor, all);
    doctor->add_flag("--json", all.json, "One object a line");
    const auto choose = [&all, &chosen](CLI::App* command, auto run) {
        command->callback([&all, &chosen, run] {
            chosen = [&all, run] {
                return with_config(all, [&](const Config& config) { return run(config); });
            };
        });
    };
    choose(doctor, [&all](const Config& config) {
        quieten(config, log::Level::Off);  // The findings say it all.
        return run_doctor(config, all.listing());
    });

    auto* egress = app.add_subcommand("egress", "Recordings: list, show, stop, upload");
    egress->require_subcommand(1);
    const auto add = [&](CLI::App* parent, const char* name, const char* help, auto run) {
        auto* command = parent->add_subcommand(name, help);
        add_common(*command, all);
        choose(command, run);
        return command;
    };
    const auto takes_id = [&](CLI::App* command) {
        command->add_option("id", all.id, "Its id")->required();
        return command;
    };
    const auto takes_json = [&](CLI::App* command) {
        command->add_flag("--json", all.json, "One object a line");
        return command;
    };
    takes_json(add(egress, "list", "The newest recordings", [&all](const Config& config) {
        return run_egress_list(config, all.listing());
    }));
    takes_json(takes_id(add(egress, "show", "One recording", [&all](const Config& config) {
        return run_egress_show(config, all.id, all.listing());
    })));
    takes_id(
        add(egress,
            "stop",
            "End a recording of the running service",
            [&all](const Config& config) { return run_egress_stop(config, all.id); })
    );
    takes_id(
        add(egress,
            "upload",
            "Send a file whose upload had failed",
            [&all](const Config& config) { return run_egress_upload(config, all.id); })
    );

    auto* recover =
        app.add_subcommand("recover", "Finish recordings whose machine is gone, from the bucket");
    add_common(*recover, all);
    recover->add_option("id", all.recover.egress_ids, "Their ids; none: all there are");
    recover->add_flag(
        "--force", all.recover.force, "Also those whose journal was written a moment ago"
    );
    choose(recover, [&all](const Config& config) {
        quieten(config, log::Level::Warn);
        return run_recover(config, all.recover);
    });

    auto* storage = app.add_subcommand("storage", "The store: check");
    storage->require_subcommand(1);
    takes_json(
        add(storage,
            "check",
            "Try every right that recordings need of the store",
            [&all](const Config& config) {
                quieten(config, log::Level::Off);  // The findings say it all.
                return run_storage_check(config, all.listing());
            })
    );

    auto* conversations = app.add_subcommand("conversations", "Conversations: list, show, url");
    conversations->require_subcommand(1);
    auto* list = takes_json(
        add(conversations,
            "list",
            "The newest conversations",
            [&all](const Config& config) {
                return run_conversations_list(config, all.filter, all.listing());
            })
    );
    list->add_option("--room", all.filter.room_name, "Of this room only");
    list->add_option("--limit", all.filter.limit, "At most so many")->check(CLI::Range(1, 200));
    takes_json(takes_id(
        add(conversations,
            "show",
            "One conversation",
            [&all](const Config& config) {
                return run_conversations_show(config, all.id, all.listing());
            })
    ));
    takes_id(add(conversations, "url", "The link to its recording", [&all](const Config& config) {
        return run_conversations_url(config, all.id);
    }));

    const AddCommand add_command =
        [&](CLI::App* parent, const std::string& name, const std::string& help, auto run) {
            return add(parent, name.c_str(), help.c_str(), std::move(run));
        };
    add_delivery_commands(app, all.deliveries, add_command);
    add_database_commands(app, all.database, add_command);

    auto* completion = app.add_subcommand("completion", "A completion script for your shell");
    completion->add_option("shell", all.shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    completion->callback([&] { chosen = [&] { return complete(app, all); }; });
}

/// A script's unset variable: what it was meant to say would silently be something else.
void refuse_empty_values(CLI::App& app) {
    for (CLI::Option* option : app.get_options()) {
        if (option->get_items_expected_max() == 0) continue;  // A flag.
        option->check([](const std::string& value) {
            return value.empty() ? std::string("the value is empty") : std::string();
        });
    }
    for (CLI::App* command : app.get_subcommands({})) refuse_empty_values(*command);
}

/// What is wrong with the command line, by the word that is.
std::string words_of(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App* command = &app;
    std::string name = app.get_name();
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().front();
        name += " " + command->get_name();
    }
    const std::string help = "; see `" + name + " --help`";
    const auto strangers = app.remaining(true);
    if (!strangers.empty()) {
        const std::string& word = strangers.front();
        const char* kind = word.starts_with('-')                  ? "option"
                           : command->get_subcommands({}).empty() ? "argument"
                                                                  : "command";
        return "'" + word + "' is no " + kind + " of `" + name + "`" + help;
    }
    const bool no_command =
        error.get_name() == "RequiredError" && !command->get_subcommands({}).empty();
    return (no_command ? "a command is missing" : error.what()) + help;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    Arguments arguments;
    std::function<int()> chosen;
    CLI::App app(
        "aircheck records every conversation that people have with AI agents.", "aircheck"
    );
    app.set_version_flag("--version", "aircheck " AIRCHECK_VERSION);
    app.require_subcommand(1);
    add_recording_commands(app, arguments, chosen);
    add_record_keeping_commands(app, arguments, chosen);
    refuse_empty_values(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
        return usage(words_of(app, error));
    }
    try {
        return chosen();
    } catch (const std::exception& error) {
        complain(std::string("internal error: ") + error.what());
        return static_cast<int>(ExitCode::Failed);
    }
}
