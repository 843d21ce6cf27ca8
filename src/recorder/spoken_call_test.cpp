#include "recorder/spoken_call_test.hpp"

#include "core/c_handle.hpp"
#include "core/temp_folder_testing.hpp"
#include "rtp/packet.hpp"
#include "rtp/sequence_number.hpp"

#include <gtest/gtest.h>
#include <opus/opus.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace aircheck::recorder::testing {
std::vector<float> tone(double hz, double seconds, double amplitude) {
    std::vector<float> out(static_cast<std::size_t>(std::llround(seconds * kRate)));
    for (std::size_t i = 0; i < out.size(); ++i) {
        const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / kRate;
        out[i] = static_cast<float>(amplitude * std::sin(angle));
    }
    return out;
}

std::vector<Bytes> encode_opus(std::span<const float> pcm) {
    constexpr std::size_t kSamples = 960;
    int error = 0;
    const CHandle<OpusEncoder, opus_encoder_destroy> encoder(
        opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &error)
    );
    EXPECT_EQ(error, OPUS_OK);
    opus_encoder_ctl(encoder.get(), OPUS_SET_BITRATE(32000));
    std::vector<Bytes> packets;
    for (std::size_t i = 0; i + kSamples <= pcm.size(); i += kSamples) {
        Bytes packet(1500);
        const auto length = opus_encode_float(
            encoder.get(), pcm.data() + i, static_cast<int>(kSamples), packet.data(), 1500
        );
        EXPECT_GT(length, 0);
        packet.resize(static_cast<std::size_t>(std::clamp(length, 0, 1500)));
        packets.push_back(std::move(packet));
    }
    return packets;
}

Speaker speaker(journal::TrackIndex index, journal::ParticipantKind kind) {
    const std::string number = std::to_string(index);
    Speaker who;
    who.start.track = index;
    who.start.track_sid = "TR_" + number;
    who.start.participant_sid = "PA_" + number;
    who.start.participant_identity = "user-" + number;
    who.start.participant_kind = kind;
    who.start.ssrc = 1000U + index;
    who.start.formats = {{111, "audio/opus", 48000, 2, "useinbandfec=1"}};
    who.sequence = static_cast<std::uint16_t>(who.sequence + index);
    who.rtp_timestamp += 777U * index;
    return who;
}

Bytes build_rtp(const Speaker& who, BytesView payload) {
    rtp::PacketFields fields;
    fields.payload_type = who.start.formats.at(0).payload_type;
    fields.sequence_number = rtp::SequenceNumber(who.sequence);
    fields.timestamp = rtp::RtpTimestamp(who.rtp_timestamp);
    fields.ssrc = who.start.ssrc;
    fields.payload = payload;
    Bytes datagram;
    rtp::build_packet(fields, datagram);
    return datagram;
}

void Script::speak(
    Nanoseconds at, Speaker& who, const std::vector<Bytes>& payloads, const Arrives& arrives
) {
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        if (!arrives || arrives(i)) packet(at, who.start.track, build_rtp(who, payloads[i]));
        ++who.sequence;
        who.rtp_timestamp += who.start.formats.at(0).clock_rate_hz / 50;
        at += kFrame;
    }
}

void Script::packet(Nanoseconds at, journal::TrackIndex track, Bytes datagram) {
    events_.push_back({at, journal::RtpPacket{track, {}}, std::move(datagram)});
}

void Script::ticks(Nanoseconds from, Nanoseconds to, Nanoseconds every) {
    for (Nanoseconds at = from; at <= to; at += every) add(at, journal::Tick{});
}

std::vector<journal::Record> Script::records() const {
    std::vector<journal::Record> records;
    records.reserve(events_.size());
    for (const Event& event : events_) {
        journal::Record record{event.at, event.body};
        if (auto* packet = std::get_if<journal::RtpPacket>(&record.body)) {
            packet->packet = event.datagram;
        }
        records.push_back(std::move(record));
    }
    std::stable_sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
        return a.at < b.at;
    });
    return records;
}

journal::Header header() {
    journal::Header header;
    header.egress_id = "EG_test12345678";
    header.room_name = "support";
    header.recorder_version = "aircheck test";
    header.wall_start = WallTime(Nanoseconds(1'764'000'000'000'000'000));
    return header;
}

Bytes assemble(Bytes body, std::size_t header_bytes, const Bytes& head) {
    if (head.empty()) return body;
    Bytes file = head;
    file.insert(file.end(), body.begin() + static_cast<std::ptrdiff_t>(header_bytes), body.end());
    return file;
}

Result<Rendered> render(
    const PipelineSettings& settings, const std::vector<journal::Record>& records, Nanoseconds end
) {
    AC_TRY(auto pipeline, Pipeline::create(settings, header()));
    Bytes body;
    for (const journal::Record& record : records) AC_CHECK_OK(pipeline->feed(record, body));
    AC_TRY(const auto finished, pipeline->finish(end));
    body.insert(body.end(), finished.tail.begin(), finished.tail.end());
    Rendered rendered;
    rendered.file = assemble(std::move(body), pipeline->header_bytes(), finished.head);
    rendered.start = pipeline->start().value_or(Nanoseconds(-1));
    rendered.duration = finished.duration;
    rendered.tracks = pipeline->track_counters();
    return rendered;
}

void decode_in_pieces(
    const Bytes& file,
    std::size_t channels,
    const std::function<void(std::span<const float> interleaved)>& take
) {
    const tests::TempFolder folder;
    tests::write_file(folder / "file", as_text(file));
    // libopus: FFmpeg's own decoder of Opus is some samples off where modes change.
    const std::string decoding = as_text(file).starts_with("OggS") ? "-c:a libopus " : "";
    const std::string command = "ffmpeg -v error -nostdin " + decoding + "-i " + (folder / "file") +
                                " -f f32le -ac " + std::to_string(channels) + " pipe:1";
    FILE* decoder = popen(command.c_str(), "r");
    ASSERT_NE(decoder, nullptr);
    std::vector<float> piece(48000 * channels);
    while (const std::size_t count = fread(piece.data(), sizeof(float), piece.size(), decoder)) {
        take(std::span(piece).first(count));
    }
    EXPECT_EQ(pclose(decoder), 0) << "ffmpeg cannot decode the file";
}

std::vector<std::vector<float>> decode(const Bytes& file, std::size_t channels) {
    std::vector<std::vector<float>> samples(channels);
    std::size_t count = 0;
    decode_in_pieces(file, channels, [&](std::span<const float> interleaved) {
        for (const float sample : interleaved) samples[count++ % channels].push_back(sample);
    });
    return samples;
}

double level(const std::vector<float>& samples, double hz, double from, double to) {
    const auto first = static_cast<std::size_t>(std::max(from, 0.0) * kRate);
    const auto last = std::min(static_cast<std::size_t>(to * kRate), samples.size());
    double re = 0;
    double im = 0;
    for (std::size_t i = first; i < last; ++i) {
        const double angle = 2 * std::numbers::pi * hz * static_cast<double>(i) / kRate;
        re += double{samples[i]} * std::cos(angle);
        im += double{samples[i]} * std::sin(angle);
    }
    return last > first ? 2 * std::hypot(re, im) / static_cast<double>(last - first) : 0;
}

std::vector<Stretch> stretches(const std::vector<float>& samples, double hz) {
    constexpr double kWindow = 0.02;  // whole periods of 50 Hz and its multiples: tones stay apart
    constexpr double kStep = 0.0025;
    std::vector<Stretch> found;
    bool loud = false;
    const double length = static_cast<double>(samples.size()) / kRate;
    for (double at = 0; at < length; at += kStep) {
        const bool is_loud = level(samples, hz, at - kWindow / 2, at + kWindow / 2) > 0.2;
        if (is_loud && !loud) found.push_back({at, at});
        if (is_loud) found.back().end = at + kStep;
        loud = is_loud;
    }
    return found;
}

}  // namespace aircheck::recorder::testing
