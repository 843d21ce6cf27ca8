// What callers of EgressService ask besides starting and stopping, and how long they wait for it.
#include "control/egress_service.hpp"
#include "core/log.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace aircheck::control {

/// Passes the answer on, and ends a recording of which the caller has not heard.
EgressService::OnInfo EgressService::heed_deadline(
    const RecordingRequest& request, OnInfo on_info
) {
    return [this, id = request.request_id, by = request.answer_by, on_info = std::move(on_info)](
               const Answer<records::Recording>& answer
           ) {
        const std::string egress_id = answer ? answer->egress_id : "";
        if (unheard_.answered(id, by, egress_id, monotonic_now())) end_unheard();
        on_info(answer);
    };
}

bool EgressService::is_too_late(const RecordingRequest& request) const {
    const auto by =
        request.request_id.empty() ? request.answer_by : unheard_.latest(request.request_id);
    return by && monotonic_now() > *by;
}

/// Now, and again when the next one is due.
void EgressService::end_unheard() {
    const Instant now = monotonic_now();
    for (const std::string& egress_id : unheard_.take_due(now)) {
        log::warn("recording.unheard", {{"egress", egress_id}});
        recorder_.stop(egress_id, recorder::EndReason::StopRequested);
    }
    if (const auto next = unheard_.next_due()) {
        unheard_timer_.after(*next - now, [this] { end_unheard(); });
    }
}

void EgressService::with_record(
    const std::string& egress_id, std::function<void(Answer<records::Recording> found)> then
) {
    records_pool_.run([this, egress_id, then = std::move(then)] {
        auto found = store_.find_recording(egress_id);
        home_.post([found = std::move(found), then] {
            if (found) {
                then(*found);
            } else if (found.error().code == Errc::NotFound) {
                then(refuse("not_found", "egress does not exist"));
            } else {
                then(tl::unexpected(to_twirp(found.error())));
            }
        });
    });
}

void EgressService::update_layout(
    const std::string& egress_id, const std::string& layout, OnInfo on_info
) {
    with_record(egress_id, [this, layout, on_info = std::move(on_info)](const auto& found) {
        if (!found) return on_info(found);
        log::warn(
            "request.field_without_meaning",
            {{"field", "layout (there is no picture)"}, {"egress", found->egress_id}}
        );
        remote_pool_.run([this, layout, on_info, recording = *found] {
            const nlohmann::json metadata{{"layout", layout}};
            const auto set = rooms_.set_participant_metadata(
                recording.room_name,
                recording.egress_id,
                metadata.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
            );
            home_.post([on_info, recording, set] {
                if (set)
                    on_info(recording);
                else if (set.error().code == Errc::NotFound)
                    on_info(refuse("not_found", "participant does not exist"));
                else
                    on_info(tl::unexpected(to_twirp(set.error())));
            });
        });
    });
}

}  // namespace aircheck::control
