// Recordings whose machine is gone, made of what a store has of their journals.
#include "control/dossier.hpp"
#include "control/egress_service.hpp"
#include "control/kept_job.hpp"
#include "control/output_records.hpp"
#include "core/log.hpp"

#include <utility>

namespace aircheck::control {
namespace {

using What = EgressService::Recovered::What;

/// A journal that was written less than this ago may still be written: a few times the time after
/// which it is copied.
constexpr Nanoseconds kWarm = std::chrono::minutes(2);

std::string seconds_text(Nanoseconds time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

std::string_view to_string(What what) {
    switch (what) {
        case What::Begun:
            return "begun";
        case What::NothingToDo:
            return "nothing_to_do";
        case What::Refused:
            break;
    }
    return "refused";
}

void EgressService::recover(Recovery wanted, OnRecovered on_recovered) {
    remote_pool_.run([this, wanted = std::move(wanted), on_recovered = std::move(on_recovered)] {
        auto all = recover_now(wanted);
        home_.post([alive = std::weak_ptr<bool>(alive_), all, on_recovered] {
            if (!alive.expired()) on_recovered(all);
        });
    });
}

Result<std::vector<EgressService::Recovered>> EgressService::recover_now(const Recovery& wanted) {
    auto copies = recorder_.copies();
    if (!copies) {
        return fail(
            Errc::NotFound,
            "journals are not copied: no bucket is configured, or journal_upload is 0"
        );
    }
    std::vector<std::string> ids = wanted.egress_ids;
    if (ids.empty()) {
        AC_TRY(ids, recorder::copied_recordings(*copies));
    }
    std::vector<Recovered> all;
    for (const std::string& egress_id : ids) {
        all.push_back(recover_one(*copies, egress_id, wanted.warm));
    }
    return all;
}

EgressService::Recovered EgressService::recover_one(
    storage::SmallObjects& copies, const std::string& egress_id, Recovery::Warm warm
) {
    const auto known = store_.find_recording(egress_id);
    const bool is_good = known && records::is_good(known->status);
    const auto text = recorder::copied_dossier(copies, egress_id);
    if (is_good || (!text && text.error().code == Errc::Cancelled)) {
        home_.post([this, alive = std::weak_ptr<bool>(alive_), egress_id] {
            if (!alive.expired()) recorder_.forget_copies(egress_id);
        });
        return {egress_id, What::NothingToDo, "is complete; what is left of its copies goes"};
    }
    if (!text && text.error().code == Errc::NotFound) {
        return {egress_id, What::Refused, "there are no copies of its journal"};
    }
    if (!text) return {egress_id, What::Refused, text.error().to_string()};
    auto dossier = read_dossier(*text);
    if (!dossier) return {egress_id, What::Refused, dossier.error().to_string()};
    if (dossier->recording.egress_id != egress_id) {
        return {egress_id, What::Refused, "its dossier is of " + dossier->recording.egress_id};
    }
    const auto begun = recover_begun(*std::move(dossier), warm);
    if (!begun) return {egress_id, What::Refused, begun.error().context};
    return {egress_id, What::Begun, *begun};
}

/// Says until when there is something of it. Errors: in words.
Result<std::string> EgressService::recover_begun(Dossier dossier, Recovery::Warm warm) {
    const std::string egress_id = dossier.recording.egress_id;
    auto end = recorder_.fetch(egress_id);
    const bool is_here = !end && end.error().code == Errc::AlreadyExists;
    if (is_here) end = recorder_.last_written(egress_id);
    if (!end) return tl::unexpected(end.error());
    const Nanoseconds age = wall_now() - *end;
    Result<> ours;
    Unfinished one;
    one.last_written = *end;
    one.job = take_job(dossier, options_.defaults.destination, options_.links.secrets_key);
    if (age < kWarm && warm == Recovery::Warm::Refused) {
        ours = fail(
            Errc::InvalidArgument,
            "its journal was written " + seconds_text(age) + " ago, by worker " +
                dossier.recording.worker + ", which may live: later, or with --force"
        );
    } else {
        one.recording = dossier.recording;
        ours = own(one.recording, one.job);
    }
    if (!ours) {
        if (!is_here) static_cast<void>(recorder_.drop_fetched(egress_id));
        return tl::unexpected(ours.error());
    }
    apply_reach(one.job.destination);
    if (one.job.segments) apply_reach(one.job.segments->destination);
    log::warn(
        "recording.recovered",
        {{"egress", egress_id}, {"room", one.job.room_name}, {"from", dossier.recording.worker}}
    );
    home_.post([this, alive = std::weak_ptr<bool>(alive_), one]() mutable {
        if (!alive.expired()) resume(std::move(one));
    });
    return "has a journal up to " + to_iso8601(*end);
}

/// Puts it in our records as ours. Errors: another process has it, or the database's.
Result<> EgressService::own(records::Recording& recording, const recorder::Job& job) {
    using OnlyIf = records::Store::TakeOver::OnlyIf;
    const auto known = store_.find_recording(recording.egress_id);
    if (!known && known.error().code != Errc::NotFound) return tl::unexpected(known.error());
    if (known) recording = *known;
    if (known && !records::is_final(known->status)) {
        // What we left when we were ended was taken up at the start.
        if (known->worker == options_.worker) {
            return fail(
                Errc::AlreadyExists, "it is of this data_dir, whose service goes on with it"
            );
        }
        AC_TRY(
            const bool is_ours,
            store_.take_over(
                {known->egress_id,
                 known->worker,
                 options_.worker,
                 options_.owns_records ? OnlyIf::Known : OnlyIf::Gone}
            )
        );
        if (!is_ours) {
            return fail(Errc::AlreadyExists, "worker " + known->worker + " records it");
        }
        recording.worker = options_.worker;
        return {};
    }
    if (known) {  // It was given up; its end is told anew.
        recording.status = records::RecordingStatus::Active;
        recording.error.clear();
        recording.error_code = 0;
        recording.ended_at.reset();
        return {};
    }
    recording.worker = options_.worker;
    recording.status = records::RecordingStatus::Active;
    recording.files = outputs_of(
        request_of(job, recording, options_.links.secrets_key), options_.links.secrets_key
    );
    Change change;
    change.recording = recording;
    AC_TRY(recording, store_now(change));
    return {};
}

}  // namespace aircheck::control
