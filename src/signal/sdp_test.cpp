#include "signal/sdp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace aircheck::signal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string captured(const std::string& name) {
    std::ifstream file(AIRCHECK_TEST_DATA "/sdp/" + name + ".sdp");
    EXPECT_TRUE(file.good()) << name;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

constexpr std::string_view kPrint =
    "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
    "AB";

LocalParameters local() {
    LocalParameters ours;
    ours.ice_ufrag = "ours";
    ours.ice_pwd = "0123456789abcdefghijkl";
    ours.fingerprint = kPrint;
    ours.candidates.push_back(
        *parse_candidate("candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host")
    );
    ours.session_id = 77;
    ours.session_version = 2;
    return ours;
}

/// The offer of livekit-wire.md 2.7, written out; `extra` goes into the audio section.
std::string documented_offer(std::string_view extra = "") {
    return "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
           "a=fingerprint:sha-256 " +
           std::string(kPrint) +
           "\r\nm=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\n"
           "a=mid:0\r\na=ice-ufrag:theirs\r\na=ice-pwd:lkjihgfedcba9876543210\r\na=rtcp-mux\r\n"
           "a=rtcp-rsize\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"
           "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1;sprop-stereo=1\r\n"
           "a=rtcp-fb:111 nack\r\na=ssrc:111222333 cname:PA_x|TR_AMy\r\n"
           "a=ssrc:111222333 msid:PA_x|TR_AMy TR_AMy\r\na=sendonly\r\n" +
           std::string(extra) +
           "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\na=sctp-port:5000\r\n"
           "a=max-message-size:65535\r\n";
}

TEST(Candidate, ReadsAndWritesTheKindsThatLiveKitOffers) {
    const auto tcp = parse_candidate(
        "candidate:375738803 1 tcp 1671430143 fd00::2 17801 typ host tcptype passive ufrag oNbD"
    );
    ASSERT_TRUE(tcp);
    EXPECT_EQ(tcp->protocol, Candidate::Protocol::Tcp);
    EXPECT_EQ(tcp->address, "fd00::2");
    EXPECT_EQ(tcp->port, 17801);
    EXPECT_EQ(tcp->priority, 1671430143u);
    EXPECT_EQ(tcp->tcp_type, "passive");
    EXPECT_EQ(tcp->ufrag, "oNbD");
    EXPECT_EQ(
        to_string(*tcp),
        "candidate:375738803 1 tcp 1671430143 fd00::2 17801 typ host tcptype passive ufrag oNbD"
    );
    const auto reflexive = parse_candidate(
        "a=candidate:x 1 UDP 1 203.0.113.9 5 typ srflx raddr 10.0.0.1 rport 9 generation 0"
    );
    ASSERT_TRUE(reflexive);
    EXPECT_EQ(reflexive->type, Candidate::Type::ServerReflexive);
}

TEST(Candidate, RefusesWhatItCannotUse) {
    for (const char* line :
         {"",
          "candidate:",
          "candidate:1 1 udp 1 host.local 5 typ host",
          "candidate:1 1 udp 1 192.0.2.1 70000 typ host",
          "candidate:1 1 udp 4294967296 192.0.2.1 5 typ host",
          "candidate:1 0 udp 1 192.0.2.1 5 typ host",
          "candidate:1 1 dccp 1 192.0.2.1 5 typ host",
          "candidate:1 1 udp 1 192.0.2.1 5 typ moon",
          "candidate:1 1 udp 1 192.0.2.1 5 host",
          "candidate:1 1 udp -1 192.0.2.1 5 typ host",
          "candidate: 1 udp 1 192.0.2.1 5 typ host"}) {
        EXPECT_FALSE(parse_candidate(line)) << line;
    }
    EXPECT_FALSE(parse_candidate("candidate:" + std::string(2000, 'x')));
}

TEST(Sdp, ReadsTheFirstOfferOfAnIceLiteServer) {
    const auto sdp = Sdp::parse(captured("ice-lite-0"));
    ASSERT_TRUE(sdp) << sdp.error().to_string();
    EXPECT_TRUE(sdp->ice_lite);
    EXPECT_EQ(sdp->setup, DtlsSetup::ActPass);
    EXPECT_EQ(sdp->fingerprint_hash, "sha-256");
    EXPECT_EQ(sdp->fingerprint.size(), 95u);
    EXPECT_THAT(sdp->bundle, ElementsAre("0"));
    ASSERT_EQ(sdp->media.size(), 1u);
    EXPECT_EQ(sdp->media[0].kind, MediaKind::Application);
    EXPECT_EQ(sdp->media[0].sctp_port, 5000);
    EXPECT_EQ(sdp->media[0].max_message_size_bytes, 65'535u);
    EXPECT_THAT(sdp->candidates, IsEmpty());
}

TEST(Sdp, ReadsTracksOfARealOffer) {
    const auto sdp = Sdp::parse(captured("ice-lite-1"));
    ASSERT_TRUE(sdp) << sdp.error().to_string();
    ASSERT_EQ(sdp->media.size(), 3u);
    EXPECT_EQ(sdp->ice_ufrag, "QEEPXXgmfJPEmtza");
    EXPECT_EQ(sdp->ice_pwd, "JcSiTvvWjckNlRdqAtSkVWdrYdckliQX");
    EXPECT_EQ(sdp->candidates.size(), 4u);  // Eight lines, half of them of component 2.

    const MediaSection& audio = sdp->media[1];
    EXPECT_EQ(audio.mid, "1");
    EXPECT_EQ(audio.direction, Direction::SendRecv);
    EXPECT_EQ(audio.track_id, "TR_AMrwAQ7ZAtDLcL");
    EXPECT_EQ(audio.participant_sid(), "PA_tfnYZTLmBwaX");
    EXPECT_EQ(audio.media_ssrc(), 2417177275u);
    EXPECT_FALSE(audio.rtx_ssrc());
    ASSERT_EQ(audio.codecs.size(), 4u);
    EXPECT_TRUE(audio.codecs[0].is("OPUS"));
    EXPECT_EQ(audio.codecs[0].payload_type, 111);
    EXPECT_EQ(audio.codecs[0].channels, 2);
    EXPECT_EQ(audio.codecs[0].parameter("useinbandfec"), "1");
    EXPECT_EQ(audio.codecs[0].parameter("usedtx"), "");
    EXPECT_TRUE(audio.codecs[1].is("red"));

    const MediaSection& video = sdp->media[2];
    EXPECT_EQ(video.kind, MediaKind::Video);
    EXPECT_EQ(video.media_ssrc(), 2198831987u);
    EXPECT_EQ(video.rtx_ssrc(), 2500018040u);
    ASSERT_NE(video.codec(96), nullptr);
    EXPECT_THAT(video.codec(96)->feedback, ElementsAre("ccm fir", "nack", "nack pli", "goog-remb"));
    ASSERT_NE(video.codec(97), nullptr);
    EXPECT_EQ(video.codec(97)->parameter("apt"), "96");
}

TEST(Sdp, SeesASectionTakenOverByAnotherTrack) {
    const auto before = Sdp::parse(captured("ice-lite-2"));
    const auto gone = Sdp::parse(captured("ice-lite-3"));
    const auto reused = Sdp::parse(captured("ice-lite-4"));
    ASSERT_TRUE(before && gone && reused);
    EXPECT_EQ(before->section("1")->media_ssrc(), 2417177275u);
    EXPECT_EQ(gone->section("1")->direction, Direction::RecvOnly);
    EXPECT_FALSE(gone->section("1")->media_ssrc());
    EXPECT_EQ(gone->section("1")->track_id, "");
    EXPECT_EQ(reused->section("1")->media_ssrc(), 1404943027u);
    EXPECT_EQ(reused->section("1")->track_id, "TR_AMycFScLkm9iNW");
}

TEST(Sdp, ReadsTcpCandidatesAndTheirEnd) {
    const auto sdp = Sdp::parse(captured("full-ice-track-gone"));
    ASSERT_TRUE(sdp) << sdp.error().to_string();
    EXPECT_FALSE(sdp->ice_lite);
    EXPECT_TRUE(sdp->end_of_candidates);
    ASSERT_EQ(sdp->candidates.size(), 4u);
    EXPECT_EQ(sdp->candidates[2].protocol, Candidate::Protocol::Tcp);
}

TEST(Sdp, TakesStaticPayloadTypesAndOnlyListedOnes) {
    const auto sdp = Sdp::parse(documented_offer(
        "m=audio 9 UDP/TLS/RTP/SAVPF 0 8\r\na=mid:9\r\na=rtpmap:5 opus/48000/2\r\n"
    ));
    ASSERT_TRUE(sdp) << sdp.error().to_string();
    ASSERT_EQ(sdp->media[1].codecs.size(), 2u);
    EXPECT_TRUE(sdp->media[1].codecs[0].is("PCMU"));
    EXPECT_EQ(sdp->media[1].codecs[1].clock_rate_hz, 8'000u);
}

TEST(Answer, KeepsOrderAndMidsAndTakesOpusAlone) {
    const auto offer = Sdp::parse(documented_offer());
    ASSERT_TRUE(offer) << offer.error().to_string();
    const std::string text = make_answer(*offer, local()).to_string();
    EXPECT_EQ(
        text,
        "v=0\r\no=- 77 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
        "a=fingerprint:sha-256 " +
            std::string(kPrint) +
            "\r\na=msid-semantic:WMS *\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
            "c=IN IP4 0.0.0.0\r\na=mid:0\r\na=setup:active\r\na=ice-ufrag:ours\r\n"
            "a=ice-pwd:0123456789abcdefghijkl\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
            "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 nack\r\n"
            "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\na=recvonly\r\n"
            "a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host\r\na=end-of-candidates\r\n"
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n"
            "a=setup:active\r\na=ice-ufrag:ours\r\na=ice-pwd:0123456789abcdefghijkl\r\n"
            "a=sctp-port:5000\r\na=max-message-size:65535\r\n"
    );
}

TEST(Answer, LeavesVideoAndGoneTracksInactive) {
    const auto offer = Sdp::parse(captured("ice-lite-3"));
    ASSERT_TRUE(offer);
    const Sdp answer = make_answer(*offer, local());
    ASSERT_EQ(answer.media.size(), 4u);
    EXPECT_EQ(answer.media[0].kind, MediaKind::Application);
    EXPECT_EQ(answer.media[1].direction, Direction::Inactive);
    EXPECT_EQ(answer.media[2].kind, MediaKind::Video);
    EXPECT_EQ(answer.media[2].direction, Direction::Inactive);
    EXPECT_EQ(answer.media[3].direction, Direction::RecvOnly);
    EXPECT_THAT(answer.bundle, ElementsAre("0", "1", "2", "3"));
    EXPECT_FALSE(answer.ice_lite);
    const auto read_back = Sdp::parse(answer.to_string());
    ASSERT_TRUE(read_back) << read_back.error().to_string();
    EXPECT_EQ(read_back->media[2].codecs.size(), 14u);
    EXPECT_EQ(read_back->setup, DtlsSetup::Active);
}

// RFC 4585 §4.2: an answer must not name feedback that was not offered. LiveKit offers none for
// audio in /rtc and resends all the same (tests/integration/test_packet_loss.py).
TEST(Answer, NamesNoFeedbackThatWasNotOffered) {
    const auto offer = Sdp::parse(captured("ice-lite-2"));
    ASSERT_TRUE(offer);
    const Sdp answer = make_answer(*offer, local());
    ASSERT_EQ(answer.media[1].direction, Direction::RecvOnly);
    ASSERT_EQ(answer.media[1].codecs.size(), 1u);
    EXPECT_TRUE(answer.media[1].codecs[0].feedback.empty());
    EXPECT_EQ(answer.to_string().find("a=rtcp-fb"), std::string::npos);
}

TEST(Answer, TakesG711InTheOrderOfTheOffer) {
    const auto offer = Sdp::parse(
        documented_offer("m=audio 9 UDP/TLS/RTP/SAVPF 8 111 63 0\r\na=mid:8\r\na=sendrecv\r\n"
                         "a=rtpmap:8 PCMA/8000\r\na=rtcp-fb:8 nack\r\na=rtpmap:111 opus/48000/2\r\n"
                         "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:0 PCMU/8000\r\n"
                         "m=audio 9 UDP/TLS/RTP/SAVPF 0 96 97\r\na=mid:9\r\na=sendonly\r\n"
                         "a=rtpmap:96 PCMU/16000\r\na=rtpmap:97 pcmu/8000\r\n")
    );
    ASSERT_TRUE(offer) << offer.error().to_string();
    const Sdp answer = make_answer(*offer, local());
    EXPECT_EQ(answer.media[1].direction, Direction::RecvOnly);
    EXPECT_THAT(answer.media[1].formats, ElementsAre("8", "111", "0"));
    EXPECT_EQ(answer.media[2].direction, Direction::RecvOnly);
    EXPECT_THAT(answer.media[2].formats, ElementsAre("0")) << "once, and at 8 kHz only";
    const std::string text = answer.to_string();
    EXPECT_NE(text.find("a=rtpmap:8 PCMA/8000\r\na=rtcp-fb:8 nack\r\n"), std::string::npos);
    EXPECT_NE(text.find("a=rtpmap:0 PCMU/8000\r\n"), std::string::npos);
}

TEST(Answer, DeclinesAudioOfOtherCodecsAndSectionsOfOtherKinds) {
    const auto offer = Sdp::parse(documented_offer(
        "m=audio 9 UDP/TLS/RTP/SAVPF 9\r\na=mid:8\r\na=sendrecv\r\n"
        "m=text 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:9\r\n"
        "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\na=mid:10\r\na=rtpmap:111 opus/48000/2\r\n"
    ));
    ASSERT_TRUE(offer) << offer.error().to_string();
    const Sdp answer = make_answer(*offer, local());
    EXPECT_EQ(answer.media[1].direction, Direction::Inactive);
    EXPECT_THAT(answer.media[1].formats, ElementsAre("9"));
    EXPECT_EQ(answer.media[2].port, 0);
    EXPECT_EQ(answer.media[3].port, 0);
    EXPECT_THAT(answer.bundle, ElementsAre("0", "8", "1"));
}

TEST(Offer, IsReadAsTheServersOwn) {
    OfferOptions options;
    options.local = local();
    options.tracks = {
        {"1", "PA_a", "TR_AMa", 1111, true},
        {"2", "", "", 0, false},
        {"3", "PA_b", "TR_AMb", 4294967295, false}};
    const auto offer = Sdp::parse(make_offer(options).to_string());
    ASSERT_TRUE(offer) << offer.error().to_string();
    EXPECT_TRUE(offer->ice_lite);
    EXPECT_THAT(offer->bundle, ElementsAre("0", "1", "2", "3"));
    EXPECT_EQ(offer->section("1")->participant_sid(), "PA_a");
    EXPECT_EQ(offer->section("1")->codec(111)->parameter("sprop-stereo"), "1");
    EXPECT_EQ(offer->section("2")->direction, Direction::Inactive);
    EXPECT_FALSE(offer->section("2")->media_ssrc());
    EXPECT_EQ(offer->section("3")->media_ssrc(), 4294967295u);
}

TEST(HostileSdp, IsRefusedWithTheLineThatIsWrong) {
    struct Row {
        const char* line;
        const char* words;
    };
    for (const Row& row : {
             Row{"a=rtpmap:111 opus/48000/2\r\n", "twice"},
             Row{"a=rtpmap:200 opus/48000/2\r\n", "a=rtpmap"},
             Row{"a=rtpmap:96 opus/0\r\n", "a=rtpmap"},
             Row{"a=rtpmap:96 opus/99999999999\r\n", "a=rtpmap"},
             Row{"a=ssrc:4294967296 cname:x\r\n", "a=ssrc"},
             Row{"a=ssrc:-1 cname:x\r\n", "a=ssrc"},
             Row{"a=ssrc-group:FID 1 x\r\n", "a=ssrc-group"},
             Row{"a=mid:again\r\n", "a=mid"},
             Row{"a=setup:holdconn\r\n", "a=setup"},
             Row{"a=ice-pwd:short\r\n", "a=ice-pwd"},
             Row{"a=ice-ufrag:a b c d\r\n", "a=ice-ufrag"},
             Row{"a=fingerprint:sha-256 AB:CD\r\n", "a=fingerprint"},
             Row{"a=sctp-port:65536\r\n", "a=sctp-port"},
             Row{"m=audio x UDP/TLS/RTP/SAVPF 111\r\n", "m=: port"},
             Row{"m=audio 9 UDP/TLS/RTP/SAVPF\r\n", "m=:"},
             Row{"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n", "one mid"},
             Row{"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "without a=mid"},
             Row{"nonsense\r\n", "is not"},
             Row{"a=x\ry\r\n", "control character"},
         }) {
        const auto sdp = Sdp::parse(documented_offer(row.line));
        ASSERT_FALSE(sdp) << row.line;
        EXPECT_THAT(sdp.error().to_string(), HasSubstr(row.words)) << row.line;
    }
}

TEST(HostileSdp, IsHeldAgainstLimits) {
    std::string sections;
    for (int i = 2; i < 600; ++i) {
        sections += "m=audio 9 RTP 0\r\na=mid:x" + std::to_string(i) + "\r\n";
    }
    EXPECT_FALSE(Sdp::parse(documented_offer(sections)));
    std::string ssrcs;
    for (int i = 0; i < 40; ++i) ssrcs += "a=ssrc:" + std::to_string(i) + " cname:x\r\n";
    EXPECT_FALSE(Sdp::parse(documented_offer(ssrcs)));
    EXPECT_FALSE(Sdp::parse(documented_offer("a=x:" + std::string(300'000, 'y') + "\r\n")));
    std::string candidates;
    for (int i = 1; i < 1000; ++i) {
        candidates += "a=candidate:1 1 udp 1 192.0.2.1 " + std::to_string(i) + " typ host\r\n";
    }
    const auto many = Sdp::parse(documented_offer(candidates));
    ASSERT_TRUE(many);
    EXPECT_EQ(many->candidates.size(), 128u);
}

TEST(HostileSdp, NeverCrashesWhereverItIsCut) {
    const std::string whole = captured("ice-lite-4");
    std::size_t refused = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto sdp = Sdp::parse(std::string_view(whole).substr(0, size));
        if (!sdp)
            ++refused;
        else
            EXPECT_FALSE(make_answer(*sdp, local()).to_string().empty());
    }
    EXPECT_GT(refused, 0u);
    EXPECT_FALSE(Sdp::parse(""));
    EXPECT_FALSE(Sdp::parse("v=1\r\n"));
}

TEST(HostileSdp, OneUselessCandidateDoesNotCostTheOthers) {
    const auto sdp =
        Sdp::parse(documented_offer("a=candidate:1 1 udp 1 4f3c.local 9 typ host\r\na=candidate:1 "
                                    "1 udp 1 192.0.2.1 9 typ host\r\n"));
    ASSERT_TRUE(sdp);
    ASSERT_EQ(sdp->candidates.size(), 1u);
    EXPECT_EQ(sdp->candidates[0].address, "192.0.2.1");
}

}  // namespace
}  // namespace aircheck::signal
