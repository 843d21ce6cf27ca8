// The tracks' own files, beside a pipeline's mix.
#include "recorder/pipeline.hpp"

#include <utility>

namespace aircheck::recorder {
namespace {

/// Of one recording; who publishes more often than that is in the mix alone.
constexpr std::size_t kMaxKeptTracks = 1000;

}  // namespace

void Pipeline::keep_track(TrackInput& input) {
    if (kept_tracks_.size() == kMaxKeptTracks) return;
    kept_tracks_.push_back(
        std::make_unique<KeptTrack>(kept_tracks_.size(), input.start(), tags_, wall_start_)
    );
    input.keep_in(*kept_tracks_.back());
}

/// After each step of the mix, up to where it has come: by what its renderers knew.
Result<> Pipeline::write_kept_tracks() {
    for (const auto& [index, input] : inputs_) AC_CHECK_OK(input->write_kept(zero_, mixed_));
    return {};
}

Result<> Pipeline::finish_kept_tracks() {
    for (const auto& [index, input] : inputs_) AC_CHECK_OK(input->finish_kept(zero_));
    return {};
}

std::vector<TrackPiece> Pipeline::take_track_pieces() {
    std::vector<TrackPiece> pieces;
    for (const auto& kept : kept_tracks_) {
        if (auto piece = kept->take()) pieces.push_back(*std::move(piece));
    }
    return pieces;
}

}  // namespace aircheck::recorder
