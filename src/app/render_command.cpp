#include "app/commands.hpp"
#include "app/progress.hpp"
#include "core/id.hpp"
#include "journal/reader.hpp"
#include "recorder/pipeline.hpp"
#include "recorder/track_names.hpp"
#include "storage/spool.hpp"

#include <cstdio>
#include <filesystem>
#include <map>

namespace aircheck::app {
namespace {

/// `--late`: what a live mix cannot wait for, a render can.
constexpr Nanoseconds kLateWait = 30s;

struct Rendered {
    Nanoseconds duration{0};
    journal::Reader::Counters counters;
    bool was_closed = false;
};

void apply_command(const RenderCommand& command, recorder::PipelineSettings& settings) {
    recorder::Encoding& encoding = settings.encoding;
    const auto container = recorder::container_of(command.output);
    if (container && *container != encoding.container) {
        const bool keeps =
            encoding.codec == recorder::AudioCodec::OpusPassthrough &&
            (container == recorder::Container::Ogg || container == recorder::Container::Mp4);
        encoding.container = *container;
        if (!keeps) encoding.codec = recorder::codec_for(*container);
        encoding.sample_rate_hz = 48'000;
    }
    settings.keeps_tracks = command.track_files;
    if (command.late) {
        settings.jitter_wait = kLateWait;
        settings.mix_delay = kLateWait + 1s;
    }
}

/// The tracks' own files, each under its name with ".part" behind it until all is done.
class TrackParts {
public:
    explicit TrackParts(const RenderCommand& command) : command_(command) {}
    /// Takes away what did not get its name.
    ~TrackParts() {
        std::error_code ignored;
        for (const auto& [number, part] : parts_) {
            std::filesystem::remove(part.path + ".part", ignored);
        }
    }
    TrackParts(const TrackParts&) = delete;
    TrackParts& operator=(const TrackParts&) = delete;

    [[nodiscard]] Result<> add(recorder::Pipeline& pipeline) {
        for (recorder::TrackPiece& piece : pipeline.take_track_pieces()) {
            const auto at = parts_.find(piece.number);
            AC_TRY(Part * part, at == parts_.end() ? open(piece) : Result<Part*>(&at->second));
            AC_CHECK_OK(part->file.append(piece.bytes));
            part->offset_samples = piece.offset_samples;
            part->duration = piece.duration;
        }
        return {};
    }

    /// Gives the files their names. Errc::AlreadyExists: one is taken.
    [[nodiscard]] Result<> finish() const {
        for (const auto& [number, part] : parts_) {
            const std::string grown = part.path + ".part";
            AC_CHECK_OK(storage::assemble_file({{}, grown, 0, part.file.size()}, part.path));
        }
        return {};
    }
    void tell() const {
        for (const auto& [number, part] : parts_) {
            std::printf(
                "%s  %.2f s  from sample %lld\n",
                part.path.c_str(),
                to_seconds(part.duration),
                static_cast<long long>(part.offset_samples)
            );
        }
    }

private:
    struct Part {
        std::string path;
        storage::AppendFile file;
        std::int64_t offset_samples = 0;
        Nanoseconds duration{0};
    };

    [[nodiscard]] Result<Part*> open(const recorder::TrackPiece& piece) {
        const std::size_t before = files_of_track_[piece.track_sid]++;
        std::string path = recorder::track_file_name(
            {},
            command_.output,
            {},
            {piece.track_sid, piece.participant_identity, piece.source, before}
        );
        std::error_code error;
        if (std::filesystem::exists(path, error)) return fail(Errc::AlreadyExists, path);
        std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
        if (error) return fail(error, path);
        std::filesystem::remove(path + ".part", error);
        AC_TRY(auto file, storage::AppendFile::open(path + ".part"));
        Part part{std::move(path), std::move(file), 0, {}};
        return &parts_.emplace(piece.number, std::move(part)).first->second;
    }

    const RenderCommand& command_;
    std::map<std::size_t, Part> parts_;  ///< By TrackPiece::number.
    std::map<std::string, std::size_t> files_of_track_;
};

/// Feeds all records to a pipeline; its output grows in `body`.
Result<Rendered> render(
    const RenderCommand& command,
    storage::AppendFile& body,
    Bytes& head,
    std::size_t& header_bytes,
    TrackParts& tracks
) {
    AC_TRY(auto reader, journal::Reader::open(command.journal));
    AC_TRY(auto settings, recorder::PipelineSettings::parse(reader.header().settings));
    apply_command(command, settings);
    AC_TRY(auto pipeline, recorder::Pipeline::create(settings, reader.header()));
    Bytes out;
    Nanoseconds end{0};
    const ProgressLine progress;
    Instant shown = monotonic_now();
    while (true) {
        AC_TRY(const auto record, reader.next());
        if (!record) break;
        end = std::max(end, record->at);
        if (progress.is_shown() && monotonic_now() - shown >= 1s) {
            shown = monotonic_now();
            progress.show("rendering " + command.output + "  " + clock_text(end));
        }
        AC_CHECK_OK(pipeline->feed(*record, out));
        AC_CHECK_OK(tracks.add(*pipeline));
        if (out.size() > 256 * 1024) {
            AC_CHECK_OK(body.append(out));
            out.clear();
        }
    }
    progress.clear();
    AC_TRY(auto finished, pipeline->finish(end));
    AC_CHECK_OK(tracks.add(*pipeline));
    out.insert(out.end(), finished.tail.begin(), finished.tail.end());
    AC_CHECK_OK(body.append(out));
    head = std::move(finished.head);
    header_bytes = head.empty() ? 0 : pipeline->header_bytes();
    return Rendered{finished.duration, reader.counters(), reader.is_complete()};
}

Result<Rendered> render_to_file(const RenderCommand& command, TrackParts& tracks) {
    std::error_code ignored;
    if (std::filesystem::exists(std::filesystem::symlink_status(command.output, ignored))) {
        return fail(Errc::AlreadyExists, command.output);
    }
    const std::string part = command.output + "." + new_id("part_");
    AC_TRY(auto body, storage::AppendFile::open(part));
    Bytes head;
    std::size_t header_bytes = 0;
    auto rendered = render(command, body, head, header_bytes, tracks);
    if (rendered) {
        const storage::HeadAndBody parts{head, part, header_bytes, body.size() - header_bytes};
        if (auto made = storage::assemble_file(parts, command.output); !made) {
            rendered = tl::unexpected<Error>(made.error());
        }
    }
    if (rendered) {
        if (auto made = tracks.finish(); !made) rendered = tl::unexpected<Error>(made.error());
    }
    std::filesystem::remove(part, ignored);
    return rendered;
}

}  // namespace

ExitCode run_render(const RenderCommand& command) {
    if (!recorder::container_of(command.output)) {
        complain(
            "-o '" + command.output +
            "': a name that ends in .mp4, .ogg, .mp3, .wav or .flac is expected"
        );
        return ExitCode::Usage;
    }
    TrackParts tracks(command);
    const auto rendered = render_to_file(command, tracks);
    if (!rendered) {
        complain(in_context("render " + command.journal, rendered.error()));
        return ExitCode::Failed;
    }
    const auto lost = rendered->counters.torn_bytes + rendered->counters.damaged_bytes;
    if (!rendered->was_closed) {
        std::fprintf(
            stderr, "aircheck: the journal was not closed: rendered up to its last record\n"
        );
    }
    if (lost > 0) {
        std::fprintf(
            stderr,
            "aircheck: %llu bytes of the journal are damaged and were skipped\n",
            static_cast<unsigned long long>(lost)
        );
    }
    std::printf("%s  %.2f s\n", command.output.c_str(), to_seconds(rendered->duration));
    tracks.tell();
    return ExitCode::Done;
}

}  // namespace aircheck::app
