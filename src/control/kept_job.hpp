#pragma once

#include "control/recording_request.hpp"
#include "core/bytes.hpp"
#include "core/result.hpp"
#include "recorder/job.hpp"
#include "records/model.hpp"

#include <string>

namespace aircheck::control {

/// What is to be recorded, by a request and the record that was made of it: all of it but
/// `access`.
[[nodiscard]] recorder::Job job_of(
    const RecordingRequest& request, const records::Recording& recording
);

/// A job as it is kept for a process that goes on with it: sealed as a whole, since stores and
/// streams hold secrets, and bound to its egress id. How to reach the room is not in it: that is
/// the configuration's.
[[nodiscard]] Bytes keep_job(const recorder::Job& job, BytesView secrets_key);

/// The same for everybody to see: without destinations and streams, which hold secrets.
[[nodiscard]] std::string show_job(const recorder::Job& job);
/// The reverse. Malformed, as open_job().
[[nodiscard]] Result<recorder::Job> read_shown_job(
    std::string_view text, const std::string& egress_id
);
/// What a request was, as far as what follows its start needs it.
[[nodiscard]] RecordingRequest request_of(
    const recorder::Job& job, const records::Recording& recording, BytesView secrets_key
);

/// keep_job()'s reverse; `access` is left empty. Malformed: another key sealed it, it was tampered
/// with, or a version wrote it that this one does not know.
[[nodiscard]] Result<recorder::Job> open_job(
    BytesView sealed, const std::string& egress_id, BytesView secrets_key
);

}  // namespace aircheck::control
