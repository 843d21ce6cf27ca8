#pragma once

#include "core/time.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aircheck::control {

/// Starts whose callers wait only so long (`X-Twirp-Timeout-Ms`), and recordings that began too
/// late for them to hear of.
///
/// Such a recording is ended, unless its caller asks again with the same request id within
/// `kGrace`: without an id nobody can. Reads no clock; on one thread.
class UnheardStarts {
public:
    static constexpr Nanoseconds kGrace = 60s;

    /// A caller of `request_id` waits until `answer_by`; none: for as long as it takes. Of several
    /// the longest counts.
    void waits(const std::string& request_id, std::optional<Instant> answer_by);
    /// Until when somebody waits for `request_id`.
    [[nodiscard]] std::optional<Instant> latest(const std::string& request_id) const;
    /// The callers of `request_id` were answered with `egress_id`, or with an error (""); a caller
    /// without an id waited until `answer_by`. Returns true when the recording may have to be ended
    /// by take_due(): nobody waited any longer.
    bool answered(
        const std::string& request_id,
        std::optional<Instant> answer_by,
        const std::string& egress_id,
        Instant now
    );
    /// What is to be ended now, once.
    [[nodiscard]] std::vector<std::string> take_due(Instant now);
    /// When take_due() has something next.
    [[nodiscard]] std::optional<Instant> next_due() const;

private:
    struct Unheard {
        std::string egress_id;
        Instant due;
    };
    void forget(const std::string& egress_id);

    std::map<std::string, std::optional<Instant>> waiting_;  ///< By request id.
    std::vector<Unheard> unheard_;  ///< Bounded by what is recorded at a time.
};

}  // namespace aircheck::control
