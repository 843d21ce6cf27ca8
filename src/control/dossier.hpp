#pragma once

#include "control/recording_request.hpp"
#include "core/bytes.hpp"
#include "core/result.hpp"
#include "recorder/job.hpp"
#include "records/model.hpp"

#include <string>
#include <string_view>

namespace aircheck::control {

/// What lies beside a journal's copies in a store (recorder::JournalCopies), for a process that has
/// nothing else: the record as it began, the job with its secrets sealed (`recording.sealed_job`),
/// and the job without them, for who lacks the key.
[[nodiscard]] std::string write_dossier(
    const records::Recording& recording, const recorder::Job& job
);

struct Dossier {
    /// As it began; `sealed_job` and `sealed_secrets` are for the key they were sealed with.
    records::Recording recording;
    /// With `access` and the destinations left empty, and without its streams.
    recorder::Job open_job;
};
/// The reverse. Malformed: it is none, or of a version that this one does not know.
[[nodiscard]] Result<Dossier> read_dossier(std::string_view text);

/// The job of a dossier. Sealed with another key it goes to `destination`, and `recording` forgets
/// what nobody can open.
[[nodiscard]] recorder::Job take_job(
    Dossier& dossier, const storage::Destination& destination, BytesView secrets_key
);

}  // namespace aircheck::control
