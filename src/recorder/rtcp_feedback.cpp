#include "recorder/rtcp_feedback.hpp"

#include "rtp/rtcp.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {
namespace {

constexpr Nanoseconds kReportInterval = 1s;
constexpr std::uint32_t kOwnSsrc = 1;  ///< We send no media; receivers of RR look at the blocks.
constexpr std::size_t kMaxBlocks = 31;
/// Of NACKs in one datagram, which stays below the path's MTU; the rest is due at the next tick.
constexpr std::size_t kMaxNackBytes = 400;

}  // namespace

RtcpFeedback::RtcpFeedback(std::string cname) : cname_(std::move(cname)) {}

void RtcpFeedback::set_sources(const std::map<std::uint32_t, std::uint32_t>& ssrcs) {
    std::erase_if(sources_, [&](const auto& entry) { return !ssrcs.contains(entry.first); });
    for (const auto& [ssrc, clock_rate_hz] : ssrcs) {
        sources_.try_emplace(
            ssrc, Source{rtp::ReceiveStatistics(ssrc, clock_rate_hz), rtp::NackGenerator()}
        );
    }
}

void RtcpFeedback::on_packet(const rtp::PacketView& packet, Instant arrival) {
    const auto it = sources_.find(packet.ssrc);
    if (it == sources_.end()) return;
    it->second.statistics.on_packet(packet, arrival);
    it->second.nack.on_packet(packet.sequence_number, arrival);
}

void RtcpFeedback::on_rtcp(BytesView packet, Instant arrival) {
    const auto parsed = rtp::parse_rtcp(packet);
    if (!parsed) return;
    for (const rtp::Rtcp& element : *parsed) {
        const auto* report = std::get_if<rtp::SenderReport>(&element);
        if (report == nullptr) continue;
        const auto it = sources_.find(report->ssrc);
        if (it != sources_.end()) it->second.statistics.on_sender_report(*report, arrival);
    }
}

/// More sources than one report holds take turns (RFC 3550 §6.4).
void RtcpFeedback::add_blocks(Instant now, rtp::ReceiverReport& report) {
    auto it = sources_.upper_bound(last_reported_);
    for (std::size_t seen = 0; seen < sources_.size(); ++seen, ++it) {
        if (report.blocks.size() == kMaxBlocks) return;
        if (it == sources_.end()) it = sources_.begin();
        if (it->second.statistics.received() == 0) continue;
        report.blocks.push_back(it->second.statistics.report(now));
        last_reported_ = it->first;
    }
}

void RtcpFeedback::collect(Instant now, Bytes& out) {
    out.clear();
    rtp::ReceiverReport report;
    report.ssrc = kOwnSsrc;
    const bool report_due = now >= next_report_ && !sources_.empty();
    if (report_due) {
        next_report_ = now + kReportInterval;
        add_blocks(now, report);
    }
    Bytes nacks;
    for (auto& [ssrc, source] : sources_) {
        if (nacks.size() >= kMaxNackBytes) break;
        lost_.clear();
        source.nack.collect(now, lost_);
        if (!lost_.empty()) rtp::append_rtcp(rtp::Nack{kOwnSsrc, ssrc, lost_}, nacks);
    }
    if (!report_due && nacks.empty()) return;
    rtp::append_rtcp(report, out);
    rtp::append_rtcp(rtp::SourceDescription{kOwnSsrc, cname_}, out);
    out.insert(out.end(), nacks.begin(), nacks.end());
}

bool RtcpFeedback::has_missing() const {
    return std::any_of(sources_.begin(), sources_.end(), [](const auto& entry) {
        return entry.second.nack.has_missing();
    });
}

}  // namespace aircheck::recorder
