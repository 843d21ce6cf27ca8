#include "journal/writer.hpp"

#include "journal/wire.hpp"

#include <algorithm>

namespace aircheck::journal {
namespace {

/// What the disk may take from us when it is full; losing an event would orphan the packets after
/// it.
bool is_expendable(const Body& body) {
    return std::holds_alternative<RtpPacket>(body) || std::holds_alternative<RtcpPacket>(body) ||
           std::holds_alternative<Tick>(body);
}

/// The end of the last whole record within the first `written` bytes.
std::size_t last_boundary(BytesView records, std::size_t written) {
    std::size_t boundary = 0;
    while (boundary < written) {
        const std::size_t next = boundary + encoded_size(records.subspan(boundary));
        if (next > written) break;
        boundary = next;
    }
    return boundary;
}

/// Writes as much as the sink takes; `written` says how much that was, also on failure.
Result<> write_all(Sink& sink, BytesView bytes, std::size_t& written) {
    written = 0;
    while (written < bytes.size()) {
        AC_TRY(const std::size_t count, sink.write(bytes.subspan(written)));
        if (count == 0) return fail(Errc::NoSpace, "journal: the disk takes nothing");
        written += std::min(count, bytes.size() - written);
    }
    return {};
}

}  // namespace

Writer::Writer(std::unique_ptr<SegmentStore> store, Header header, Limits limits, Instant now)
    : store_(std::move(store)),
      header_(std::move(header)),
      limits_(limits),
      last_flush_(now),
      last_sync_(now),
      segment_start_(now) {}

Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

Result<Writer> Writer::create(
    std::unique_ptr<SegmentStore> store, Header header, Limits limits, Instant now
) {
    const std::uint32_t segment = header.segment;
    Writer writer(std::move(store), std::move(header), limits, now);
    AC_CHECK_OK(writer.open_segment(segment, now));
    return writer;
}

/// Makes a segment and goes over to it; on failure everything stays as it was.
Result<> Writer::open_segment(std::uint32_t segment, Instant now) {
    Header header = header_;
    header.segment = segment;
    Bytes bytes;
    AC_CHECK_OK(encode(header, bytes));
    AC_TRY(auto sink, store_->create(segment));
    std::size_t written = 0;
    Result<> begun = write_all(*sink, bytes, written);
    if (begun) begun = sink->sync();
    if (!begun) {
        sink.reset();
        // Should it stay, a reader finds a segment without a header and says so.
        static_cast<void>(store_->remove(segment));
        return begun;
    }
    sink_ = std::move(sink);
    header_.segment = segment;
    segment_size_ = bytes.size();
    segment_header_size_ = bytes.size();
    segment_start_ = now;
    last_sync_ = now;
    dirty_ = false;
    counters_.bytes_written += bytes.size();
    return {};
}

Result<> Writer::append(const Record& record) {
    if (closed_) return fail(Errc::InvalidArgument, "journal: closed");
    const bool expendable = is_expendable(record.body);
    const std::size_t limit = limits_.max_buffer_bytes * (expendable ? 1 : 2);
    if (buffer_.size() >= limit || (expendable && dropped_span_)) {
        ++counters_.dropped;
        if (!dropped_span_) dropped_span_.emplace(record.at, record.at);
        dropped_span_->second = std::max(dropped_span_->second, record.at);
        return fail(Errc::NoSpace, "journal: the buffer is full");
    }
    AC_CHECK_OK(encode(record, buffer_));
    ++counters_.records;
    return {};
}

bool Writer::segment_is_full(Instant now) const {
    if (segment_size_ == segment_header_size_) return false;
    const bool by_time =
        limits_.segment_every > Nanoseconds(0) && now - segment_start_ >= limits_.segment_every;
    return by_time || (limits_.segment_bytes > 0 && segment_size_ >= limits_.segment_bytes);
}

bool Writer::flush_due(Instant now) const {
    if (closed_) return false;
    const bool time_is_up = now - last_flush_ >= limits_.flush_every;
    if (failed_) return time_is_up;  // not for every packet while the disk refuses
    if (buffer_.size() >= limits_.flush_bytes || (!buffer_.empty() && time_is_up)) return true;
    return (dirty_ && now - last_sync_ >= limits_.sync_every) || segment_is_full(now);
}

Result<> Writer::flush(Instant now) {
    if (closed_) return {};
    last_flush_ = now;
    Result<> done = write_buffer();
    if (done && dirty_ && now - last_sync_ >= limits_.sync_every) done = sync(now);
    if (done && segment_is_full(now)) done = next_segment(now);
    failed_ = !done;
    if (failed_)
        ++counters_.failures;
    else
        ++counters_.flushes;
    return done;
}

Result<> Writer::write_buffer() {
    std::size_t written = 0;
    Result<> done = write_all(*sink_, buffer_, written);
    if (written > 0) keep_from(written);
    if (done) note_dropped();
    return done;
}

/// After `written` bytes of the buffer went out: forgets the whole records among them and cuts the
/// part of another off the file. Where that fails the part stays; a reader skips it.
void Writer::keep_from(std::size_t written) {
    const std::size_t whole = last_boundary(buffer_, written);
    std::size_t on_file = written;
    if (whole < written && sink_->truncate(segment_size_ + whole)) on_file = whole;
    segment_size_ += on_file;
    counters_.bytes_written += on_file;
    dirty_ = true;
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(whole));
}

/// Everything is on file again: says where records are missing, in the next flush.
void Writer::note_dropped() {
    if (!dropped_span_) return;
    const auto [start, end] = *dropped_span_;
    dropped_span_.reset();
    static_cast<void>(append(Record{end, Gap{start, end, GapReason::Disk}}));
}

Result<> Writer::sync(Instant now) {
    AC_CHECK_OK(sink_->sync());
    ++counters_.syncs;
    dirty_ = false;
    last_sync_ = now;
    return {};
}

Result<> Writer::next_segment(Instant now) {
    if (dirty_) AC_CHECK_OK(sync(now));
    return open_segment(header_.segment + 1, now);
}

Result<> Writer::close(Instant now) {
    if (closed_) return {};
    last_flush_ = now;
    Result<> done = write_buffer();
    if (done && !buffer_.empty()) done = write_buffer();  // the note on what was dropped
    if (done && dirty_) done = sync(now);
    failed_ = !done;
    if (failed_) {
        ++counters_.failures;
        return done;
    }
    closed_ = true;
    sink_.reset();
    return {};
}

}  // namespace aircheck::journal
