// Completion scripts, written from the commands themselves: what is in no --help is in none of
// them.
#include "app/commands.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <vector>

namespace aircheck::app {
namespace {

using Words = std::vector<std::string>;

std::string joined(const Words& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

/// "-o" and "--output"; of a positional: none.
Words names_of(const CLI::Option& option) {
    Words names;
    for (const std::string& name : option.get_snames()) names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
    return names;
}

/// The values that an option may have, where they are few: CLI11 writes such a type "TEXT:{a,b}".
Words choices_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const auto open = type.find('{'), close = type.rfind('}');
    if (open == std::string::npos || close == std::string::npos) return {};
    return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

Words commands_of(const CLI::App& command) {
    Words names;
    for (const auto* below : command.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(below->get_name());
    }
    return names;
}

/// Calls `visit` with each command and the words that lead to it: "" and " egress list".
void for_each_command(
    const CLI::App& command,
    const std::string& path,
    const std::function<void(const CLI::App&, const std::string&)>& visit
) {
    visit(command, path);
    for (const auto* below : command.get_subcommands([](const CLI::App*) { return true; })) {
        for_each_command(*below, path + " " + below->get_name(), visit);
    }
}

constexpr const char* kBashBegin = R"(_aircheck() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local path="" flags="" words="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$path ${COMP_WORDS[i]}" in
)";

constexpr const char* kBashEnd = R"(    esac
    [[ $cur == -* ]] && words=$flags
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
)";

std::string bash_function(const CLI::App& app) {
    std::string paths, words, values;
    for_each_command(app, "", [&](const CLI::App& command, const std::string& path) {
        if (!path.empty()) {
            paths += (paths.empty() ? "\"" : "|\"") + path + "\"";
        }
        Words flags, choices = commands_of(command);
        for (const CLI::Option* option : command.get_options()) {
            const Words names = names_of(*option);
            const Words allowed = choices_of(*option);
            flags.insert(flags.end(), names.begin(), names.end());
            if (names.empty()) choices.insert(choices.end(), allowed.begin(), allowed.end());
            if (names.empty() || allowed.empty()) continue;
            for (const std::string& name : names) {
                values +=
                    "        \"" + path + " " + name + "\") words=\"" + joined(allowed) + "\" ;;\n";
            }
        }
        words += "        \"" + path + "\")\n            words=\"" + joined(choices) +
                 "\"\n            flags=\"" + joined(flags) + "\"\n            ;;\n";
    });
    return kBashBegin + ("            " + paths) +
           ") path+=\" ${COMP_WORDS[i]}\" ;;\n        esac\n    done\n    case \"$path\" in\n" +
           words + "    esac\n    case \"$path $prev\" in\n" + values + kBashEnd;
}

std::string bash_script(const CLI::App& app) {
    return bash_function(app) + "complete -o bashdefault -o default -F _aircheck aircheck\n";
}

/// The file is a function of its own name for zsh: its first call loads it, and is answered too.
std::string zsh_script(const CLI::App& app) {
    return "#compdef aircheck\nautoload -U +X bashcompinit && bashcompinit\n" + bash_function(app) +
           "complete -o bashdefault -o default -F _aircheck aircheck\n"
           "[[ ${funcstack[1]} == _aircheck ]] && _bash_complete -o bashdefault -o default -F "
           "_aircheck\n"
           "true\n";
}

std::string quoted_for_fish(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "'";
}

std::string fish_script(const CLI::App& app) {
    std::string script = "complete -c aircheck -f\n";
    for_each_command(app, "", [&](const CLI::App& command, const std::string& path) {
        const Words below = commands_of(command);
        std::string when = path.empty() ? "__fish_use_subcommand" : "";
        for (const std::string& word : CLI::detail::split(path, ' ')) {
            if (word.empty()) continue;
            when += (when.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
        }
        if (!path.empty() && !below.empty()) {
            when += "; and not __fish_seen_subcommand_from " + joined(below);
        }
        const std::string line = "complete -c aircheck -n " + quoted_for_fish(when);
        for (const auto* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
            script += line + " -a " + sub->get_name() + " -d " +
                      quoted_for_fish(sub->get_description()) + "\n";
        }
        for (const CLI::Option* option : command.get_options()) {
            std::string names;
            for (const std::string& name : option->get_snames()) names += " -s " + name;
            for (const std::string& name : option->get_lnames()) names += " -l " + name;
            const Words allowed = choices_of(*option);
            std::string value;
            if (!names.empty() && option->get_items_expected_max() > 0) value = " -r";
            if (!allowed.empty()) {
                value += " -a " + quoted_for_fish(joined(allowed));
            } else if (option->get_items_expected_max() > 0) {
                value += " -F";
            }
            script +=
                line + names + value + " -d " + quoted_for_fish(option->get_description()) + "\n";
        }
    });
    return script;
}

}  // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
    if (shell == "bash") return bash_script(app);
    if (shell == "zsh") return zsh_script(app);
    if (shell == "fish") return fish_script(app);
    return "";
}

}  // namespace aircheck::app
