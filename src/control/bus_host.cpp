#include "control/bus_host.hpp"

#include "control/announcement.hpp"
#include "control/egress_info.hpp"
#include "core/log.hpp"
#include "proto/livekit_egress.pb.h"
#include "proto/livekit_rpc.pb.h"

#include <utility>

namespace aircheck::control {
namespace {

RpcAnswer<livekit::EgressInfo> to_rpc_answer(const Answer<records::Recording>& answer) {
    if (!answer) return tl::unexpected(to_rpc(answer.error()));
    return to_egress_info(*answer);
}

/// The request as EgressInfo carries it; none where it is of a kind that we do not know.
livekit::EgressInfo asked_of(const rpc::StartEgressRequest& request) {
    livekit::EgressInfo asked;
    switch (request.request_case()) {
        case rpc::StartEgressRequest::kRoomComposite:
            *asked.mutable_room_composite() = request.room_composite();
            break;
        case rpc::StartEgressRequest::kTrackComposite:
            *asked.mutable_track_composite() = request.track_composite();
            break;
        case rpc::StartEgressRequest::kTrack:
            *asked.mutable_track() = request.track();
            break;
        case rpc::StartEgressRequest::kWeb:
            *asked.mutable_web() = request.web();
            break;
        case rpc::StartEgressRequest::kParticipant:
            *asked.mutable_participant() = request.participant();
            break;
        case rpc::StartEgressRequest::kEgress:
            *asked.mutable_egress() = request.egress();
            break;
        case rpc::StartEgressRequest::REQUEST_NOT_SET:
            break;
    }
    return asked;
}

}  // namespace

BusHost::BusHost(EgressService& egresses, Beyond beyond)
    : egresses_(egresses), beyond_(beyond), defaults_(egresses.options().defaults) {
    defaults_.request_reach = storage::S3Destination::Reach::PublicAndPrivate;  // ADR 0009
}

BusHost::~BusHost() { egresses_.set_on_stored({}); }

void BusHost::set_report(std::function<void(const livekit::EgressInfo&)> report) {
    egresses_.set_on_stored([report = std::move(report
                             )](const std::string& event, const records::Recording& now) {
        const bool is_told = event.empty() || event == "egress_started";
        if (now.origin == kOriginBus && !is_told) report(to_egress_info(now));
    });
}

float BusHost::affinity(const rpc::StartEgressRequest& request) {
    const auto checked = check(request);
    if (!checked && checked.error().is_beyond_us && beyond_ == Beyond::Left) return -1;
    if (!checked || egresses_.refusal_of(*checked)) return kLowestBid;
    const EgressService::Options& options = egresses_.options();
    const double load = options.admission == nullptr ? 0 : options.admission->status().load;
    return bid_of(load, options.worker, request.egress_id());
}

Answer<RecordingRequest> BusHost::check(const rpc::StartEgressRequest& request) const {
    if (!request.ws_url().empty() || !request.token().empty()) {
        return invalid("ws_url, token: this recorder joins the server of its own configuration");
    }
    auto checked = check_request(asked_of(request), defaults_);
    if (checked) checked->origin = kOriginBus;
    return checked;
}

void BusHost::start(const rpc::StartEgressRequest& request, OnInfo on_info) {
    auto checked = check(request);
    if (!checked) return on_info(tl::unexpected(to_rpc(checked.error())));
    for (const std::string& field : checked->warnings) {
        log::warn(
            "request.field_without_meaning", {{"field", field}, {"egress", request.egress_id()}}
        );
    }
    egresses_.start_handed_out(
        *std::move(checked),
        request.egress_id(),
        request.room_id(),
        [on_info = std::move(on_info)](const auto& answer) { on_info(to_rpc_answer(answer)); }
    );
}

void BusHost::stop(const std::string& egress_id, OnInfo on_info) {
    egresses_.stop(egress_id, [on_info = std::move(on_info)](const auto& answer) {
        on_info(to_rpc_answer(answer));
    });
}

void BusHost::update_stream(const livekit::UpdateStreamRequest& request, OnInfo on_info) {
    egresses_.update_streams(request, [on_info = std::move(on_info)](const auto& answer) {
        on_info(to_rpc_answer(answer));
    });
}

std::vector<std::string> BusHost::active() const { return egresses_.running(kOriginBus); }

void BusHost::take_over(
    const std::string& egress_id, std::function<void(TakenOver taken)> on_done
) {
    using Adoption = EgressService::Adoption;
    egresses_.adopt_from_bus(egress_id, [on_done = std::move(on_done)](Adoption adoption) {
        on_done(
            adoption == Adoption::Ours       ? TakenOver::Yes
            : adoption == Adoption::Anothers ? TakenOver::NotGone
                                             : TakenOver::Not
        );
    });
}

}  // namespace aircheck::control
