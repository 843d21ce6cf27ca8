// UpdateStream.
#include "control/egress_service.hpp"
#include "control/kept_job.hpp"
#include "control/stream_requests.hpp"
#include "proto/livekit_egress.pb.h"

#include <utility>

namespace aircheck::control {

void EgressService::update_streams(const livekit::UpdateStreamRequest& request, OnInfo on_info) {
    const std::string egress_id = request.egress_id();
    const auto it = running_.find(egress_id);
    if (it == running_.end()) return refuse_idle(egress_id, "updated", std::move(on_info));
    const Running& running = it->second;
    if (!running.request.stream) {
        return on_info(invalid("UpdateStream called on non-streaming egress"));
    }
    if (running.recording.status >= records::RecordingStatus::Ending) {
        return on_info(cannot_be("updated", running.recording.status));
    }
    auto update = stream_update_of(request, running.request.stream->protocol);
    if (!update) return on_info(tl::unexpected(update.error()));
    recorder_.update_streams(
        egress_id,
        *update,
        [this, egress_id, update = *update, on_info = std::move(on_info)](const Result<>& updated) {
            const auto now = running_.find(egress_id);
            if (now == running_.end()) return refuse_idle(egress_id, "updated", on_info);
            if (updated) return keep_streams(now->second, update, on_info);
            if (updated.error().code == Errc::Cancelled) {  // It ends since this was asked.
                return on_info(refuse("failed_precondition", updated.error().context));
            }
            TwirpError refused = to_twirp(updated.error());
            refused.message = updated.error().context;  // Words that LiveKit has, too.
            on_info(tl::unexpected(std::move(refused)));
        }
    );
}

/// After a restart those are connected to that would be now. Answers once that is on disk.
void EgressService::keep_streams(
    Running& running, const recorder::StreamUpdate& update, OnInfo on_info
) {
    std::vector<streams::Target>& targets = running.request.stream->targets;
    targets.insert(targets.end(), update.add.begin(), update.add.end());
    for (const streams::Target& gone : update.remove) {
        std::erase_if(targets, [&](const auto& target) { return target.url == gone.url; });
    }
    running.recording.sealed_job =
        keep_job(job_of(running.request, running.recording), options_.links.secrets_key);
    Change change;
    change.recording = running.recording;
    store(std::move(change), [now = running.recording, on_info = std::move(on_info)](const auto&) {
        on_info(now);
    });
}

}  // namespace aircheck::control
