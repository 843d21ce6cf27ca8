#pragma once

#include "core/time.hpp"
#include "records/model.hpp"

#include <vector>

namespace aircheck::control {

/// Whether what became of a recording's streams is worth an `egress_updated`: one that was added,
/// removed or has failed at once, tries to connect again at most once a minute.
class StreamNews {
public:
    /// `streams` as they are at `now`; what it says is told is held to be told.
    [[nodiscard]] bool is_to_be_told(
        const std::vector<records::StoredStream>& streams, Instant now
    );

private:
    std::vector<records::StoredStream::State> told_;
    std::uint64_t told_retries_ = 0;
    std::optional<Instant> retries_told_at_;
};

}  // namespace aircheck::control
