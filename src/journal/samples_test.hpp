#pragma once

#include "journal/record.hpp"

#include <vector>

/// Records for tests: one of each kind at least, every field set.
namespace aircheck::journal {

inline Header sample_header() {
    Header header;
    header.egress_id = "EG_7dKs8wXyZ3nP";
    header.room_name = "support-é";
    header.room_sid = "RM_abc";
    header.recorder_version = "aircheck 0.1.0";
    header.wall_start = WallTime(Nanoseconds(1'764'000'000'123'456'789));
    header.monotonic_start = Instant(Nanoseconds(987'654'321));
    header.segment = 1;
    header.settings = R"({"audio_mixing":"default"})";
    return header;
}

/// Packets borrow from static memory.
inline std::vector<Record> sample_records() {
    static const Bytes rtp = {
        0x80, 0x6f, 0x00, 0x01, 0x00, 0x00, 0x00, 0x0a, 0x12, 0x34, 0x56, 0x78, 0xf8, 0xff, 0xfe};
    static const Bytes rtcp = {0x80, 0xc9, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01};
    const ParticipantJoined joined{
        "PA_1",
        "caller",
        "Ann",
        ParticipantKind::Sip,
        R"({"crm":7})",
        {{"sip.phoneNumber", "+491234"}, {"empty", ""}}};
    TrackStart start;
    start.track = 3;
    start.track_sid = "TR_AM1";
    start.participant_sid = "PA_1";
    start.participant_identity = "caller";
    start.participant_kind = ParticipantKind::Sip;
    start.name = "mic";
    start.kind = TrackKind::Audio;
    start.source = TrackSource::Microphone;
    start.mime = "audio/red";
    start.ssrc = 0x12345678;
    start.rtx_ssrc = 0x9abcdef0;
    start.formats = {
        {111, "audio/opus", 48000, 2, "useinbandfec=1"}, {0, "audio/PCMU", 8000, 1, ""}};
    start.encryption = Encryption::Gcm;
    start.stereo = true;
    start.muted = true;
    return {
        {0ns, joined},
        {1ms, start},
        {2ms, RtpPacket{3, rtp}},
        {3ms, RtcpPacket{rtcp}},
        {4ms, TrackMute{3}},
        {5ms, TrackUnmute{3}},
        {6ms, Gap{1ms, 5ms, GapReason::Signal}},
        {7ms, Pause{}},
        {8ms, Resume{}},
        {9ms, RoomEvent{"room_updated", R"({"metadata":"x"})"}},
        {10ms, Tick{}},
        {11ms, TrackEnd{3, "unpublished"}},
        {12ms, ParticipantLeft{"PA_1", "caller", "CLIENT_INITIATED"}},
        {kMaxTime, End{"room_finished"}},
    };
}

/// A whole segment: the header and sample_records().
inline Bytes sample_segment(std::uint32_t segment = 1) {
    Header header = sample_header();
    header.segment = segment;
    Bytes bytes;
    static_cast<void>(encode(header, bytes));
    for (const Record& record : sample_records()) static_cast<void>(encode(record, bytes));
    return bytes;
}

}  // namespace aircheck::journal
