#pragma once

#include "mux/muxer.hpp"

namespace aircheck::mux {

/// What the containers share that are a head and then the codec's bytes, without times: MP3, WAV,
/// FLAC. A hole in pts is closed: what follows it moves forward, and the duration counts what is
/// there. The finished head is as long as the growing one.
class PlainWriter : public Muxer {
public:
    [[nodiscard]] Bytes header() final { return head(State::Growing); }
    void add(media::EncodedSample sample) final;
    void flush(Bytes& out) final;
    [[nodiscard]] Finished finish() final;
    [[nodiscard]] Nanoseconds duration() const final;
    [[nodiscard]] std::int64_t duration_samples() const final;
    [[nodiscard]] std::uint64_t dropped_samples() const final { return dropped_; }

protected:
    enum class State { Growing, Finished };

    PlainWriter(media::StreamFormat format, Tags tags);

    /// The file's first bytes, of one length in both states.
    [[nodiscard]] virtual Bytes head(State state) const = 0;
    /// Takes note of a sample before its bytes are written; may cut them.
    virtual void note(media::EncodedSample& sample) = 0;

    [[nodiscard]] const media::StreamFormat& format() const { return format_; }
    [[nodiscard]] const Tags& tags() const { return tags_; }
    /// Bytes after the head.
    [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }
    /// The priming included.
    [[nodiscard]] std::int64_t total_samples() const { return total_samples_; }

private:
    media::StreamFormat format_;
    Tags tags_;
    Bytes waiting_;
    bool started_ = false;
    std::int64_t last_pts_ = 0;
    std::int64_t total_samples_ = 0;
    std::uint64_t body_bytes_ = 0;
    std::uint64_t dropped_ = 0;
};

}  // namespace aircheck::mux
