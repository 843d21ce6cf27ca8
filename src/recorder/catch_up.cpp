#include "recorder/catch_up.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

/// So much of the file is made between two writes.
constexpr std::size_t kWriteBytes = 256 * 1024;

}  // namespace

Result<std::unique_ptr<CatchUp>> CatchUp::create(Options options) {
    AC_TRY(auto reader, journal::Reader::open(options.folder, options.last_segment));
    AC_TRY(auto pipeline, Pipeline::create(options.settings, reader.header()));
    return std::unique_ptr<CatchUp>(
        new CatchUp(std::move(reader), std::move(pipeline), std::move(options))
    );
}

CatchUp::CatchUp(journal::Reader reader, std::unique_ptr<Pipeline> pipeline, Options options)
    : reader_(std::move(reader)),
      pipeline_(std::move(pipeline)),
      output_(std::move(options.output)),
      makes_file_(options.settings.makes_file) {}

Result<CatchUp::Piece> CatchUp::advance(Nanoseconds length) {
    Piece piece;
    Bytes bytes;
    const Nanoseconds until = at_ + length;
    while (at_ < until) {
        AC_TRY(const auto record, reader_.next());
        if (!record) {
            piece.is_last = true;
            break;
        }
        at_ = std::max(at_, record->at);
        // How the former process ended is not how the recording does.
        if (std::holds_alternative<journal::End>(record->body)) continue;
        AC_CHECK_OK(pipeline_->feed(*record, bytes));
        if (!makes_file_) bytes.clear();
        if (bytes.size() < kWriteBytes) continue;
        AC_CHECK_OK(output_->append(bytes));
        bytes.clear();
    }
    AC_CHECK_OK(output_->append(bytes));
    static_cast<void>(pipeline_->take_stream());
    static_cast<void>(pipeline_->take_mutes());
    piece.segments = pipeline_->take_segments();
    piece.tracks = pipeline_->take_track_pieces();
    return piece;
}

}  // namespace aircheck::recorder
