#include "control/egress_service.hpp"

#include "control/announcement.hpp"
#include "control/dossier.hpp"
#include "control/egress_info.hpp"
#include "control/kept_job.hpp"
#include "control/output_records.hpp"
#include "control/secrets.hpp"
#include "control/snapshot_records.hpp"
#include "control/stream_requests.hpp"
#include "core/id.hpp"
#include "core/log.hpp"
#include "net/crypto.hpp"
#include "proto/livekit_room.pb.h"

#include <utility>

namespace aircheck::control {
namespace {

std::string new_link_key() { return to_base64url(net::random_bytes(18)); }

}  // namespace

Workload EgressService::workload_of(const RecordingRequest& request) {
    return request.encoding.codec == recorder::AudioCodec::OpusPassthrough ? Workload::Passthrough
                                                                           : Workload::Mixed;
}

EgressService::EgressService(
    net::Loop& home,
    net::Pool& records_pool,
    net::Pool& remote_pool,
    records::Store& store,
    recorder::Recorder& recorder,
    notify::Outbox& outbox,
    RoomService& rooms,
    Options options
)
    : home_(home),
      records_pool_(records_pool),
      remote_pool_(remote_pool),
      store_(store),
      recorder_(recorder),
      outbox_(outbox),
      rooms_(rooms),
      options_(std::move(options)),
      unheard_timer_(home),
      unstored_timer_(home) {}

EgressService::~EgressService() { *alive_ = false; }

EgressService::Metrics EgressService::metrics() const {
    Metrics now;
    now.counters = recorder_.counters();
    now.stages = recorder_.stage_sums();
    now.active = recorder_.active();
    now.refused = refused_;
    now.is_shutting_down = shutting_down_;
    if (options_.admission != nullptr) now.admission = options_.admission->status();
    return now;
}

std::vector<std::string> EgressService::running(std::string_view origin) const {
    std::vector<std::string> ids;
    for (const auto& [egress_id, running] : running_) {
        if (running.request.origin == origin) ids.push_back(egress_id);
    }
    return ids;
}

std::vector<std::string> EgressService::running() const {
    std::vector<std::string> ids;
    for (const auto& [egress_id, running] : running_) ids.push_back(egress_id);
    return ids;
}

// --- Starting ------------------------------------------------------------------------------------

void EgressService::start(RecordingRequest request, OnInfo on_info) {
    if (shutting_down_) {
        on_info(refuse("unavailable", "this recorder is shutting down"));
        return;
    }
    for (const std::string& field : request.warnings) {
        log::warn("request.field_without_meaning", {{"field", field}, {"room", request.room_name}});
    }
    unheard_.waits(request.request_id, request.answer_by);
    if (!request.request_id.empty()) on_info = answer_all(request.request_id, std::move(on_info));
    if (!on_info) return;
    on_info = heed_deadline(request, std::move(on_info));
    remote_pool_.run([this, request = std::move(request), on_info = std::move(on_info)] {
        if (!request.request_id.empty()) {
            if (auto known = store_.find_recording_by_request(request.request_id)) {
                home_.post([known = *std::move(known), on_info] { on_info(known); });
                return;
            }
        }
        auto rooms = rooms_.list_rooms({request.room_name});
        home_.post([this, request, on_info, rooms = std::move(rooms)]() mutable {
            if (!rooms) {
                on_info(tl::unexpected(to_twirp(rooms.error())));
            } else if (rooms->rooms_size() == 0) {
                on_info(refuse("not_found", "requested room does not exist"));
            } else if (is_too_late(request)) {
                on_info(refuse("deadline_exceeded", "the caller's time was up before the start"));
            } else {
                admit(std::move(request), new_id("EG_"), rooms->rooms(0).sid(), std::move(on_info));
            }
        });
    });
}

/// The same request twice at a time: the second waits for the first's answer. Empty for a second.
EgressService::OnInfo EgressService::answer_all(const std::string& request_id, OnInfo on_info) {
    std::vector<OnInfo>& waiting = starting_[request_id];
    waiting.push_back(std::move(on_info));
    if (waiting.size() > 1) return {};
    return [this, request_id](const Answer<records::Recording>& answer) {
        const std::vector<OnInfo> all = std::move(starting_[request_id]);
        starting_.erase(request_id);
        for (const OnInfo& one : all) one(answer);
    };
}

void EgressService::start_claimed(
    RecordingRequest request, std::string egress_id, std::string room_sid
) {
    if (shutting_down_) {
        // The next process may have the room.
        records_pool_.run([this, egress_id] { static_cast<void>(store_.release_room(egress_id)); });
        return;
    }
    auto on_started = [this, egress_id, room_sid](const auto& started) {
        if (started) return;
        log::error("rule.not_started", {{"egress", egress_id}, {"error", started.error().message}});
        tell_freed_room(egress_id, room_sid, Claim::FreesForRetry);
    };
    admit(std::move(request), egress_id, room_sid, std::move(on_started));
}

records::Recording EgressService::first_record(
    const RecordingRequest& request, const std::string& egress_id, const std::string& room_sid
) const {
    records::Recording recording;
    recording.egress_id = egress_id;
    recording.room_name = request.room_name;
    recording.room_sid = room_sid;
    recording.origin = request.origin;
    recording.worker = options_.worker;
    recording.request_id = request.request_id;
    recording.request_json = echo_to_json(request.echo.empty() ? make_echo(request) : request.echo);
    recording.sealed_secrets =
        keep_receivers(request.receivers, egress_id, options_.links.secrets_key);
    recording.metadata_json = request.metadata_json;
    recording.started_at = wall_now();
    recording.updated_at = recording.started_at;
    recording.link_key = new_link_key();
    recording.files = outputs_of(request, options_.links.secrets_key);
    recording.streams = streams_of(request);
    return recording;
}

std::optional<TwirpError> EgressService::refusal_of(const RecordingRequest& request) const {
    if (shutting_down_) return TwirpError{"unavailable", "this recorder is shutting down"};
    if (options_.admission == nullptr) return std::nullopt;
    const auto reason = options_.admission->refusal(workload_of(request));
    if (!reason) return std::nullopt;
    return TwirpError{"resource_exhausted", *reason};
}

/// Joining takes as long as storing, and a call does not wait: both begin now. Acknowledged is what
/// is stored.
void EgressService::admit(
    RecordingRequest request, std::string egress_id, std::string room_sid, OnInfo on_info
) {
    // It leaves no record: nothing has been promised to anybody.
    if (const auto refused = refusal_of(request)) {
        ++refused_;
        log::warn(
            "recording.refused",
            {{"egress", egress_id}, {"room", request.room_name}, {"error", refused->message}}
        );
        on_info(tl::unexpected(*refused));
        return;
    }
    Change change;
    change.recording = first_record(request, egress_id, room_sid);
    change.receivers = request.receivers;
    recorder::Job job = job_of(request, change.recording);
    change.recording.sealed_job = keep_job(job, options_.links.secrets_key);
    job.dossier = write_dossier(change.recording, job);
    auto launched = launch(std::move(request), std::move(job), change.recording);
    if (!launched) {
        records::Recording& refused = change.recording;
        refused.status = records::RecordingStatus::Failed;
        refused.error = launched.error().to_string();
        refused.error_code = 429;
        refused.details = "End reason: Failure";
        refused.ended_at = refused.updated_at = wall_now();
        log::error("recording.refused", {{"egress", egress_id}, {"error", refused.error}});
        change.event = "egress_ended";
        on_info(tl::unexpected(to_twirp(launched.error())));
        // Where livekit-server hears the refusal it keeps no record, and neither do we.
        if (refused.origin != kOriginBus) store(std::move(change), [](const auto&) {});
        return;
    }
    change.event = "egress_started";
    store(
        std::move(change),
        [this, egress_id, on_info = std::move(on_info)](Result<records::Recording> stored) {
            if (stored) {
                on_info(*std::move(stored));
                return;
            }
            recorder_.stop(egress_id, recorder::EndReason::StopRequested);
            on_info(tl::unexpected(to_twirp(stored.error())));
        }
    );
}

Result<> EgressService::launch(
    RecordingRequest request, recorder::Job job, const records::Recording& recording
) {
    job.access = options_.defaults.access;
    AC_CHECK_OK(recorder_.start(std::move(job), [this](const recorder::Snapshot& snapshot) {
        on_update(snapshot);
    }));
    if (options_.admission != nullptr) {
        options_.admission->begin(recording.egress_id, workload_of(request), monotonic_now());
    }
    Running& running = running_[recording.egress_id];
    running = Running();
    running.request = std::move(request);
    running.recording = recording;
    // They are told of with the start.
    static_cast<void>(running.stream_news.is_to_be_told(recording.streams, monotonic_now()));
    return {};
}

// --- What the recorder tells
// -----------------------------------------------------------------------

void EgressService::on_update(const recorder::Snapshot& snapshot) {
    const auto it = running_.find(snapshot.egress_id);
    if (it == running_.end()) return;
    Running& running = it->second;
    const auto before = running.recording.status;
    apply_snapshot(snapshot, running.recording);
    auto& streams = running.recording.streams;
    streams.insert(streams.begin(), running.streams_before.begin(), running.streams_before.end());
    auto& gaps = running.recording.gaps;
    if (running.gap_before) gaps.insert(gaps.begin(), *running.gap_before);
    Change change;
    change.recording = running.recording;
    change.participants = participants_of(snapshot);
    change.room_metadata = snapshot.room_metadata;
    change.room_is_over = snapshot.end_reason == recorder::EndReason::RoomClosed;
    change.receivers = running.request.receivers;
    if (options_.admission != nullptr && snapshot.status >= recorder::Status::Ending) {
        options_.admission->end(snapshot.egress_id, monotonic_now());
    }
    const Claim claim = claim_after(snapshot);
    const bool frees_room =
        running.request.origin == "rule" && claim != Claim::Stays && !running.is_claim_over;
    running.is_claim_over = running.is_claim_over || frees_room;
    const std::string room_sid = running.recording.room_sid;
    if (records::is_final(running.recording.status)) {
        if (options_.presigned_locations) {
            options_.links.sign_locations(options_.defaults.destination, change.recording);
        }
        change.event = "egress_ended";
        running_.erase(it);
    } else if (running.recording.status != before ||
               running.stream_news.is_to_be_told(running.recording.streams, monotonic_now())) {
        change.event = "egress_updated";
    }
    store(std::move(change), [](const auto&) {});
    if (frees_room) tell_freed_room(snapshot.egress_id, room_sid, claim);
}

// --- Stopping
// --------------------------------------------------------------------------------------

void EgressService::stop(const std::string& egress_id, OnInfo on_info) {
    const auto it = running_.find(egress_id);
    if (it != running_.end()) {
        recorder_.stop(egress_id, recorder::EndReason::StopRequested);
        records::Recording now = it->second.recording;
        if (now.status < records::RecordingStatus::Ending) {
            now.status = records::RecordingStatus::Ending;
        }
        on_info(std::move(now));
        return;
    }
    refuse_idle(egress_id, "stopped", std::move(on_info));
}

void EgressService::refuse_idle(
    const std::string& egress_id, std::string_view what, OnInfo on_info
) {
    with_record(egress_id, [what, on_info = std::move(on_info)](const auto& found) {
        on_info(found ? cannot_be(what, found->status) : found);
    });
}

void EgressService::shut_down() {
    shutting_down_ = true;
    recorder_.shutdown();
}

}  // namespace aircheck::control
