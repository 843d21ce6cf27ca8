#include "journal/reader.hpp"

#include "journal/wire.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace aircheck::journal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkBytes = 256 * 1024;
/// With so much at hand, or at the end of a file, a record is whole or there is none.
constexpr std::size_t kWholeRecordBytes = kRecordHeaderBytes + kMaxBodyBytes;
constexpr std::size_t kWholeHeaderBytes = kFileHeaderBytes + kMaxBodyBytes;

/// A segment's bytes, a window of them at a time.
class Window {
public:
    Window() = default;
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    ~Window() { close(); }

    Result<> open(const fs::path& path) {
        close();
        path_ = path.string();
        fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd_ < 0 && errno == ENOENT) return fail(Errc::NotFound, path_);
        if (fd_ < 0) return fail_errno(errno, "open " + path_);
        at_end_ = false;
        return {};
    }
    void open(Bytes memory) {
        close();
        bytes_ = std::move(memory);
        at_end_ = true;
    }

    [[nodiscard]] BytesView bytes() const { return BytesView(bytes_).subspan(start_); }
    [[nodiscard]] bool at_end() const { return at_end_; }
    void consume(std::size_t count) { start_ += count; }
    /// Reads on until `wanted` bytes are there or the file ends; moves what bytes() gave.
    Result<> fill(std::size_t wanted) {
        if (at_end_ || bytes().size() >= wanted) return {};
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(start_));
        start_ = 0;
        while (!at_end_ && bytes_.size() < wanted) {
            const std::size_t before = bytes_.size();
            bytes_.resize(before + kChunkBytes);
            const ssize_t count = ::read(fd_, bytes_.data() + before, kChunkBytes);
            bytes_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return fail_errno(errno, "read " + path_);
            at_end_ = count == 0;
        }
        return {};
    }

private:
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
        bytes_.clear();
        start_ = 0;
        at_end_ = true;
    }

    int fd_ = -1;
    std::string path_;
    Bytes bytes_;
    std::size_t start_ = 0;
    bool at_end_ = true;
};

struct Segment {
    std::uint32_t number = 0;
    fs::path path;
};

/// The number in "000001.acj"; empty for other names.
std::optional<std::uint32_t> segment_number(const fs::path& path) {
    const std::string stem = path.stem().string();
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
    const bool whole = error == std::errc{} && end == stem.data() + stem.size();
    if (path.extension() != ".acj" || !whole || number == 0) return std::nullopt;
    return number;
}

Result<std::vector<Segment>> list_segments(const fs::path& folder, std::uint32_t last) {
    std::vector<Segment> segments;
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        const fs::path& path = entries->path();
        const auto number = segment_number(path);
        if (number && *number <= last) segments.push_back({*number, path});
    }
    if (error) return fail_errno(error.value(), "list " + folder.string());
    std::ranges::sort(segments, {}, &Segment::number);
    return segments;
}

bool is_sound(const DecodedRecord& decoded) {
    return decoded.status == DecodedRecord::Status::Record ||
           decoded.status == DecodedRecord::Status::Unknown;
}

/// Where the next sound record begins, or the first place that only more bytes could decide, or the
/// end.
std::size_t find_record(BytesView bytes) {
    std::optional<std::size_t> undecided;
    std::size_t at = 0;
    while (true) {
        const auto sync =
            std::find(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end(), kSync);
        at = static_cast<std::size_t>(sync - bytes.begin());
        if (at == bytes.size()) return undecided.value_or(at);
        const DecodedRecord decoded = decode_record(bytes.subspan(at));
        if (is_sound(decoded)) return at;
        if (decoded.status == DecodedRecord::Status::NeedMore && !undecided) undecided = at;
        ++at;
    }
}

}  // namespace

class Reader::Impl {
public:
    Result<> open(const fs::path& file_or_folder, std::uint32_t last_segment) {
        std::error_code error;
        if (!fs::is_directory(file_or_folder, error)) {
            segments_.push_back({0, file_or_folder});
        } else {
            AC_TRY(segments_, list_segments(file_or_folder, last_segment));
            if (segments_.empty()) {
                return fail(
                    Errc::NotFound, "no journal (000001.acj) in " + file_or_folder.string()
                );
            }
        }
        return open_first();
    }

    Result<> open(Bytes memory) {
        window_.open(std::move(memory));
        AC_TRY(header_, read_header());
        ++counters_.segments;
        return {};
    }

    Result<std::optional<Record>> next() {
        while (true) {
            AC_TRY(auto record, next_in_segment());
            if (record) {
                ++counters_.records;
                if (std::holds_alternative<End>(record->body)) complete_ = true;
                return record;
            }
            AC_TRY(const bool opened, open_next());
            if (!opened) return std::nullopt;
        }
    }

    [[nodiscard]] const Header& header() const { return header_; }
    [[nodiscard]] bool is_complete() const { return complete_; }
    [[nodiscard]] std::uint32_t last_segment() const {
        return segments_.empty() ? 0 : segments_.back().number;
    }
    [[nodiscard]] const Counters& counters() const { return counters_; }

private:
    Result<Header> read_header() {
        AC_CHECK_OK(window_.fill(kWholeHeaderBytes));
        AC_TRY(auto decoded, decode_header(window_.bytes()));
        window_.consume(decoded.size_bytes);
        return std::move(decoded.header);
    }

    /// The first segment whose header can be read speaks for the journal; the first error if none
    /// can.
    Result<> open_first() {
        std::optional<Error> first_error;
        while (next_segment_ < segments_.size()) {
            auto header = open_segment();
            if (header) {
                header_ = *std::move(header);
                return {};
            }
            if (header.error().code == Errc::Unsupported || segments_.size() == 1) {
                return tl::unexpected<Error>(std::move(header).error());
            }
            if (!first_error) first_error = std::move(header).error();
        }
        return tl::unexpected<Error>(*std::move(first_error));
    }

    /// Goes over to the next segment; counts what is wrong with it.
    Result<Header> open_segment() {
        const Segment& segment = segments_[next_segment_++];
        if (segment.number > last_number_ + 1) {
            counters_.missing_segments += segment.number - last_number_ - 1;
        }
        last_number_ = segment.number;
        AC_CHECK_OK(window_.open(segment.path));
        auto header = read_header();
        if (header) {
            ++counters_.segments;
            return header;
        }
        if (header.error().code == Errc::Truncated)
            counters_.torn_bytes += window_.bytes().size();
        else
            ++counters_.bad_segments;
        return fail(header.error().code, segment.path.string() + ": " + header.error().context);
    }

    /// False when there are no more segments.
    Result<bool> open_next() {
        while (next_segment_ < segments_.size()) {
            const auto header = open_segment();
            if (!header) continue;
            if (header->egress_id == header_.egress_id &&
                header->wall_start == header_.wall_start) {
                return true;
            }
            --counters_.segments;
            ++counters_.bad_segments;
        }
        window_.open(Bytes{});
        return false;
    }

    Result<std::optional<Record>> next_in_segment() {
        while (true) {
            DecodedRecord decoded = decode_record(window_.bytes());
            if (!is_sound(decoded) && !window_.at_end() &&
                window_.bytes().size() < kWholeRecordBytes) {
                AC_CHECK_OK(window_.fill(kWholeRecordBytes));
                decoded = decode_record(window_.bytes());
            }
            if (is_sound(decoded)) {
                window_.consume(decoded.size_bytes);
                if (decoded.record) return std::move(decoded.record);
                ++counters_.unknown;
                continue;
            }
            AC_TRY(const bool found, skip_damage());
            if (!found) return std::nullopt;
        }
    }

    /// Moves to the next sound record; false when the segment has none: the rest is its torn tail.
    Result<bool> skip_damage() {
        std::uint64_t skipped = 0;
        while (true) {
            const std::size_t at = find_record(window_.bytes());
            if (at < window_.bytes().size() &&
                is_sound(decode_record(window_.bytes().subspan(at)))) {
                window_.consume(at);
                counters_.damaged_bytes += skipped + at;
                ++counters_.damaged_places;
                return true;
            }
            if (window_.at_end()) {
                counters_.torn_bytes += skipped + window_.bytes().size();
                window_.consume(window_.bytes().size());
                return false;
            }
            window_.consume(at);
            skipped += at;
            AC_CHECK_OK(window_.fill(window_.bytes().size() + kWholeRecordBytes));
        }
    }

    std::vector<Segment> segments_;
    std::size_t next_segment_ = 0;
    std::uint32_t last_number_ = 0;
    Window window_;
    Header header_;
    Counters counters_;
    bool complete_ = false;
};

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(
    const std::filesystem::path& file_or_folder, std::uint32_t last_segment
) {
    auto impl = std::make_unique<Impl>();
    AC_CHECK_OK(impl->open(file_or_folder, last_segment));
    return Reader(std::move(impl));
}

Result<Reader> Reader::from_bytes(Bytes segment) {
    auto impl = std::make_unique<Impl>();
    AC_CHECK_OK(impl->open(std::move(segment)));
    return Reader(std::move(impl));
}

const Header& Reader::header() const { return impl_->header(); }
Result<std::optional<Record>> Reader::next() { return impl_->next(); }
bool Reader::is_complete() const { return impl_->is_complete(); }
std::uint32_t Reader::last_segment() const { return impl_->last_segment(); }
const Reader::Counters& Reader::counters() const { return impl_->counters(); }

}  // namespace aircheck::journal
