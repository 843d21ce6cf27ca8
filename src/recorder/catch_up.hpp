#pragma once

#include "core/result.hpp"
#include "journal/reader.hpp"
#include "recorder/output.hpp"
#include "recorder/pipeline.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace aircheck::recorder {

/// Makes of a journal, after a restart, what the live pipeline had made of it: the same bytes, and
/// the pipeline in the state that it was in. A piece at a time, on a pool's threads, one at a time:
/// many recordings come along together, and none holds a thread for long.
class CatchUp {
public:
    struct Options {
        std::string folder;
        std::uint32_t last_segment = 0;  ///< Those after it belong to the live recording.
        PipelineSettings settings;
        std::unique_ptr<Output> output;  ///< Empty.
    };
    /// Of the other outputs, what a piece made.
    struct Piece {
        std::vector<mux::TsSegment> segments;
        std::vector<TrackPiece> tracks;
        bool is_last = false;
    };

    /// Errors: the reader's; the encoding is impossible.
    [[nodiscard]] static Result<std::unique_ptr<CatchUp>> create(Options options);

    /// Takes the next `length` of the journal. What it makes of the file is appended to the output;
    /// what it makes of a live stream was sent, or is too late for it. Errors: the disk's, the
    /// encoder's.
    [[nodiscard]] Result<Piece> advance(Nanoseconds length);

    // After the last piece:
    [[nodiscard]] std::unique_ptr<Pipeline> take_pipeline() { return std::move(pipeline_); }
    [[nodiscard]] std::unique_ptr<Output> take_output() { return std::move(output_); }

private:
    CatchUp(journal::Reader reader, std::unique_ptr<Pipeline> pipeline, Options options);

    journal::Reader reader_;
    std::unique_ptr<Pipeline> pipeline_;
    std::unique_ptr<Output> output_;
    bool makes_file_;
    Nanoseconds at_{0};
};

}  // namespace aircheck::recorder
