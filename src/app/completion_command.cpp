#include "app/commands.hpp"

namespace aircheck::app {
namespace {

constexpr const char* kBash = R"(_aircheck() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    local words="serve demo record render doctor egress conversations completion"
    case "${COMP_WORDS[1]}" in
        egress) words="list show stop upload" ;;
        conversations) words="list show url" ;;
        completion) words="bash zsh fish" ;;
        serve) words="--config --config-body --data-dir --log-level --bind --print-config" ;;
        demo) words="--once --length --data-dir" ;;
        record) words="--output --wait --file-type --audio-mixing --config --data-dir" ;;
        render) words="--output --late" ;;
        doctor) words="--config --json" ;;
    esac
    if [[ $COMP_CWORD -eq 1 ]]; then
        words="serve demo record render doctor egress conversations completion --help --version"
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur") $(compgen -f -- "$cur"))
}
complete -F _aircheck aircheck
)";

constexpr const char* kZsh = R"(#compdef aircheck
autoload -U +X bashcompinit && bashcompinit
)";

constexpr const char* kFish =
    R"(complete -c aircheck -n __fish_use_subcommand -a "serve demo record render doctor egress conversations completion"
complete -c aircheck -n "__fish_seen_subcommand_from egress" -a "list show stop upload"
complete -c aircheck -n "__fish_seen_subcommand_from conversations" -a "list show url"
complete -c aircheck -n "__fish_seen_subcommand_from completion" -a "bash zsh fish"
complete -c aircheck -n "__fish_seen_subcommand_from serve" -l config -l bind -l print-config
complete -c aircheck -n "__fish_seen_subcommand_from record" -s o -l output -l wait -l file-type -l audio-mixing
complete -c aircheck -n "__fish_seen_subcommand_from render" -s o -l output -l late
)";

}  // namespace

std::string completion_script(const std::string& shell) {
    if (shell == "bash") return kBash;
    if (shell == "zsh") return std::string(kZsh) + kBash;
    if (shell == "fish") return kFish;
    return "";
}

}  // namespace aircheck::app
