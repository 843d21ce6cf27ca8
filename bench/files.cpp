#include "bench/files.hpp"

#include "bench/child.hpp"
#include "bench/object_store.hpp"
#include "bench/speech.hpp"

#include "journal/reader.hpp"
#include "journal/writer.hpp"
#include "net/http_client.hpp"
#include "recorder/pipeline.hpp"
#include "rtp/packet.hpp"
#include "storage/spool.hpp"
#include "storage/upload.hpp"

#include <memory>

namespace aircheck::bench {
namespace {

constexpr std::size_t kPiece = 256 * 1024;

/// One caller as a publisher that hands over a packet at a time.
class Source final : public sim::Publisher::Output {
public:
    Source(const sim::Caller& caller, std::uint64_t seed, journal::TrackIndex track)
        : publisher_(caller, seed), track_(track) {}

    Result<> run(Nanoseconds at, journal::Writer& writer) {
        packets_.clear();
        publisher_.run(at, *this);
        for (const Bytes& packet : packets_) {
            AC_CHECK_OK(writer.append({at, journal::RtpPacket{track_, packet}}));
        }
        return {};
    }
    [[nodiscard]] journal::TrackStart start() const {
        journal::TrackStart start;
        start.track = track_;
        start.track_sid = "TR_" + publisher_.caller().identity;
        start.participant_sid = "PA_" + publisher_.caller().identity;
        start.participant_identity = publisher_.caller().identity;
        start.ssrc = publisher_.ssrc();
        return start;
    }
    void publish(BytesView packet) override { packets_.emplace_back(packet.begin(), packet.end()); }

private:
    sim::Publisher publisher_;
    journal::TrackIndex track_;
    std::vector<Bytes> packets_;
};

Result<> write_journal(
    const std::vector<sim::Caller>& speakers, Nanoseconds length, const std::string& folder
) {
    AC_TRY(auto store, journal::open_folder(folder));
    journal::Header header;
    header.egress_id = "EG_bench";
    header.room_name = "bench";
    header.settings = recorder::PipelineSettings().to_string();
    header.wall_start = wall_now();
    AC_TRY(auto writer, journal::Writer::create(std::move(store), header, {}, Instant{}));
    std::vector<std::unique_ptr<Source>> sources;
    for (const sim::Caller& speaker : speakers) {
        const auto index = static_cast<journal::TrackIndex>(sources.size());
        sources.push_back(std::make_unique<Source>(speaker, index + 1U, index));
        AC_CHECK_OK(writer.append({0ns, sources.back()->start()}));
    }
    for (Nanoseconds at{0}; at < length; at += sim::Voice::kFrame) {
        for (const auto& source : sources) AC_CHECK_OK(source->run(at, writer));
        if (writer.flush_due(Instant(at))) AC_CHECK_OK(writer.flush(Instant(at)));
    }
    return writer.close(Instant(length));
}

/// Sends what there is of the body, as happens during a call; then times the rest.
class Ending {
public:
    static Result<std::unique_ptr<Ending>> create(
        const storage::Destination& destination,
        const std::string& body_path,
        std::uint64_t header_bytes,
        net::HttpClient& http
    ) {
        storage::UploadSpec spec;
        spec.key = "long.mp4";
        spec.content_type = "video/mp4";
        spec.egress_id = "EG_bench";
        spec.body_path = body_path;
        spec.body_offset = header_bytes;
        AC_TRY(auto session, storage::UploadSession::create(destination, std::move(spec), http));
        return std::unique_ptr<Ending>(new Ending(std::move(session)));
    }
    Result<> advance(std::uint64_t body_bytes) { return session_->advance(body_bytes); }
    Result<double> complete(const Bytes& head, std::uint64_t body_bytes) {
        const Instant start = monotonic_now();
        AC_TRY(const auto stored, session_->complete(head, body_bytes));
        if (stored.size != head.size() + body_bytes) return fail(Errc::Failed, "a wrong object");
        return to_seconds(monotonic_now() - start);
    }

private:
    explicit Ending(std::unique_ptr<storage::UploadSession> session)
        : session_(std::move(session)) {}
    std::unique_ptr<storage::UploadSession> session_;
};

}  // namespace

Result<FileCost> measure_files(
    const std::vector<sim::Caller>& speakers,
    double hours,
    const std::string& folder,
    const std::string& s3_endpoint
) {
    const auto length = std::chrono::duration_cast<Nanoseconds>(
        std::chrono::duration<double, std::ratio<3600>>(hours)
    );
    const std::string journal_folder = folder + "/journal";
    AC_CHECK_OK(write_journal(speakers, length, journal_folder));

    AC_TRY(auto body, storage::AppendFile::open(folder + "/long.part"));
    const double before = thread_cpu_seconds();
    AC_TRY(auto reader, journal::Reader::open(journal_folder));
    AC_TRY(auto settings, recorder::PipelineSettings::parse(reader.header().settings));
    AC_TRY(auto pipeline, recorder::Pipeline::create(settings, reader.header()));
    Bytes out;
    while (true) {
        AC_TRY(const auto record, reader.next());
        if (!record) break;
        AC_CHECK_OK(pipeline->feed(*record, out));
        if (out.size() < kPiece) continue;
        AC_CHECK_OK(body.append(out));
        out.clear();
    }
    AC_CHECK_OK(body.append(out));
    FileCost cost;
    cost.hours = hours;
    const double rendering = thread_cpu_seconds() - before;

    net::HttpClient http;
    const std::size_t header = pipeline->header_bytes();
    AC_TRY(
        auto local,
        Ending::create(storage::LocalDestination{folder + "/out"}, body.path(), header, http)
    );
    AC_CHECK_OK(local->advance(body.size() - header));
    std::unique_ptr<Ending> s3;
    if (!s3_endpoint.empty()) {
        AC_TRY(
            s3, Ending::create(ObjectStore::destination(s3_endpoint), body.path(), header, http)
        );
        AC_CHECK_OK(s3->advance(body.size() - header));
    }

    const Instant decided = monotonic_now();
    const double cpu = thread_cpu_seconds();
    AC_TRY(const auto finished, pipeline->finish(length));
    AC_CHECK_OK(body.append(finished.tail));
    const double closing = to_seconds(monotonic_now() - decided);
    cost.render_speed = to_seconds(length) / (rendering + thread_cpu_seconds() - cpu);
    const std::uint64_t body_bytes = body.size() - header;
    AC_TRY(const double local_time, local->complete(finished.head, body_bytes));
    cost.complete_local = closing + local_time;
    if (s3) {
        AC_TRY(const double s3_time, s3->complete(finished.head, body_bytes));
        cost.complete_s3 = closing + s3_time;
    }
    return cost;
}

}  // namespace aircheck::bench
