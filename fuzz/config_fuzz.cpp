// layers: app
// Any text as YAML file and as .env: it loads or is refused in words, and what loads prints without
// its secrets and loads again.

#include "app/config.hpp"
#include "core/bytes.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace aircheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(as_text(BytesView(data, size)));
    app::ConfigSources sources;
    // The first byte chooses; both at once would hide one behind the other's refusal.
    const bool is_dotenv = !text.empty() && text.front() == '#';
    (is_dotenv ? sources.dotenv : sources.file) = app::NamedText{"fuzz", text};
    const auto config = app::load(sources);
    if (!config) {
        if (config.error().context.empty()) std::abort();
        return 0;
    }
    app::ConfigSources again;
    again.file = app::NamedText{"printed", app::print_config(*config)};
    const auto second = app::load(again);
    // Masks are not keys: only what needs a true URL may be refused now.
    if (second && second->auto_record.size() != config->auto_record.size()) std::abort();
    static_cast<void>(app::check_for_serve(*config));
    return 0;
}
