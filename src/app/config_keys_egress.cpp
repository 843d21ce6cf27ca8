#include "app/config_key_kinds.hpp"
#include "app/config_keys.hpp"

#include <algorithm>
#include <array>

namespace aircheck::app {
namespace {

constexpr std::string_view kNoSampling = "has no meaning here: no line is sampled";
constexpr std::string_view kKeptInSpool =
    "has no effect: what cannot be uploaded waits in data_dir, and is tried again";
constexpr std::string_view kFormerStore =
    "is an older place of storage's: it is read where the file has no storage section";
constexpr std::string_view kFormer =
    "has no meaning here: it is of an older livekit/egress, which itself reads it no more";

const Names<log::Level> kLevels = {
    {"trace", log::Level::Trace},
    {"debug", log::Level::Debug},
    {"info", log::Level::Info},
    {"warn", log::Level::Warn},
    {"error", log::Level::Error},
    {"off", log::Level::Off}};

/// In capitals too, as LiveKit's logger has it, and its levels above error.
Result<log::Level> read_level(const Value& value) {
    AC_TRY(auto text, read_text(value));
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (text.empty()) return log::Level::Info;
    if (text == "dpanic" || text == "panic" || text == "fatal") return log::Level::Error;
    auto lower = value;
    lower.node = YAML::Node(text);
    return read_choice(lower, kLevels);
}

Result<log::Format> read_json(const Value& value) {
    AC_TRY(const bool json, read_bool(value));
    return json ? log::Format::Json : log::Format::Text;
}

}  // namespace

void add_logging_keys(std::vector<Key>& keys) {
    keys.push_back(key(
        "logging.level",
        [](auto& c) -> auto& { return c.logging.level; },
        read_level,
        [](log::Level level) { return name_of(level, kLevels); }
    ));
    keys.push_back(key(
        "logging.json",
        [](auto& c) -> auto& { return c.logging.format; },
        read_json,
        [](log::Format format) { return format == log::Format::Json ? "true" : "false"; }
    ));
    for (const auto* path :
         {"logging.sample",
          "logging.sample_initial",
          "logging.sample_interval",
          "logging.item_sample_seconds",
          "logging.item_sample_initial",
          "logging.item_sample_interval"}) {
        keys.push_back(ignored(path, Shape::Subtree, kNoSampling));
    }
    keys.push_back(ignored(
        "logging.component_levels",
        Shape::Subtree,
        "has no meaning here: logging.level is for every component"
    ));
    // LiveKit's chart and README have it; livekit/egress itself does not read it.
    keys.push_back(ignored("log_level", Shape::Subtree, "has no meaning here: it is logging.level")
    );
}

void add_former_keys(std::vector<Key>& keys) {
    const auto add = [&](std::string_view why, std::initializer_list<std::string_view> paths) {
        for (const auto path : paths) keys.push_back(ignored(path, Shape::Subtree, why));
    };
    add(kFormerStore, {"s3", "azure", "gcp", "alioss"});
    // livekit/egress reads `backup`; its README has `backup_storage`.
    add(kKeptInSpool, {"backup", "backup_storage"});
    add("has no meaning here: failed requests are logged as they are",
        {"storage.s3.aws_log_level"});
    add(kFormer,
        {"local_directory",
         "template_address",
         "enable_room_composite_sdk_source",
         "cpu_cost.max_concurrent_web"});
}

bool is_former_store(std::string_view name) {
    constexpr std::array<std::string_view, 4> kStores = {"s3", "azure", "gcp", "alioss"};
    return std::find(kStores.begin(), kStores.end(), name) != kStores.end();
}

}  // namespace aircheck::app
