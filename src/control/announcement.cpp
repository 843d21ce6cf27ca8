#include "control/announcement.hpp"

#include "control/egress_info.hpp"
#include "control/secrets.hpp"
#include "core/id.hpp"
#include "core/log.hpp"
#include "proto/livekit_egress.pb.h"
#include "proto/livekit_room.pb.h"
#include "proto/livekit_webhook.pb.h"

namespace aircheck::control {
namespace {

livekit::WebhookEvent event_of(const std::string& name, const records::Recording& recording) {
    livekit::WebhookEvent event;
    event.set_event(name);
    event.set_id(new_id("EV_"));
    event.set_created_at(unix_nanoseconds(wall_now()) / 1'000'000'000);
    event.mutable_room()->set_sid(recording.room_sid);
    event.mutable_room()->set_name(recording.room_name);
    *event.mutable_egress_info() = to_egress_info(recording);
    return event;
}

}  // namespace

Result<std::vector<records::Delivery>> announce(
    const std::string& event,
    const records::Recording& recording,
    const std::vector<notify::Receiver>& receivers,
    const RecordingLinks& links,
    const notify::Outbox& outbox
) {
    notify::EventFacts facts;
    facts.conversation_id = recording.conversation_id;
    if (const auto mix = records::playable_mix({&recording, 1})) {
        facts.audio_recording_url = links.url_of(*mix);
        facts.download_urls.push_back(facts.audio_recording_url);
    }
    // Of a job that livekit-server handed out it tells the others itself, the request's own too.
    const auto origin = recording.origin == kOriginBus ? notify::Outbox::Origin::BusJob
                                                       : notify::Outbox::Origin::OwnJob;
    return outbox.prepare(event_of(event, recording), facts, receivers, origin);
}

std::vector<notify::Receiver> kept_receivers_of(
    const records::Recording& recording, BytesView secrets_key
) {
    auto receivers = open_receivers(recording.sealed_secrets, recording.egress_id, secrets_key);
    if (receivers) return *std::move(receivers);
    log::error(
        "webhooks.unreadable",
        {{"egress", recording.egress_id}, {"error", receivers.error().to_string()}}
    );
    return {};
}

}  // namespace aircheck::control
