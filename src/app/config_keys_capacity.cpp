#include "app/config_key_kinds.hpp"

namespace aircheck::app {
namespace {

constexpr std::string_view kNoCosts =
    "has no meaning here: what recordings cost is measured, and none is ended for it";

}  // namespace

void add_capacity_keys(std::vector<Key>& keys) {
    keys.push_back(number_key(
        "max_recordings", 0, 1'000'000, [](auto& c) -> auto& { return c.capacity.max_recordings; }
    ));
    keys.push_back(decimal_key(
        "cpu_cost.max_cpu_utilization", 0, 1, [](auto& c) -> auto& {
            return c.capacity.max_cpu_utilization;
        }
    ));
    keys.push_back(decimal_key(
        "cpu_cost.max_memory", 0, 1e6, [](auto& c) -> auto& { return c.capacity.max_memory_gib; }
    ));
    for (const auto* path :
         {"cpu_cost.room_composite_cpu_cost",
          "cpu_cost.audio_room_composite_cpu_cost",
          "cpu_cost.sdk_audio_room_composite_cpu_cost",
          "cpu_cost.web_cpu_cost",
          "cpu_cost.audio_web_cpu_cost",
          "cpu_cost.participant_cpu_cost",
          "cpu_cost.track_composite_cpu_cost",
          "cpu_cost.track_cpu_cost",
          "cpu_cost.memory_cost",
          "cpu_cost.sdk_audio_room_composite_memory_cost",
          "cpu_cost.memory_source",
          "cpu_cost.memory_kill_grace_sec",
          "cpu_cost.cpu_kill_grace_sec"}) {
        keys.push_back(ignored(path, Shape::Scalar, kNoCosts));
    }
}

}  // namespace aircheck::app
