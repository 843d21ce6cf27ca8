// layers: proto
// A byte that chooses the message, then a body as Twirp and webhooks carry it: what is read says
// the same when it is written and read again, in both styles.

#include "core/bytes.hpp"
#include "proto/json.hpp"
#include "proto/livekit_egress.pb.h"
#include "proto/livekit_webhook.pb.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace aircheck;

namespace {

template <typename Message>
void check(std::string_view text) {
    Message message;
    proto::JsonLeftovers leftovers;
    const auto read = proto::from_json(text, message, &leftovers);
    if (leftovers.unknown_fields.size() > 64) std::abort();
    if (!read) {
        if (read.error().context.empty()) std::abort();
        return;
    }
    static_cast<void>(proto::unknown_enum_values(message));
    const std::string twirp = proto::to_twirp_json(message);
    Message again;
    if (!proto::from_json(twirp, again) || proto::to_twirp_json(again) != twirp) std::abort();
    const std::string webhook = proto::to_webhook_json(message);
    if (!proto::from_json(webhook, again) || proto::to_webhook_json(again) != webhook) std::abort();
    if (proto::to_twirp_json(again) != twirp) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = as_text(BytesView(data + 1, size - 1));
    switch (data[0] % 4) {
        case 0:
            check<livekit::RoomCompositeEgressRequest>(text);
            break;
        case 1:
            check<livekit::WebhookEvent>(text);
            break;
        case 2:
            check<livekit::ListEgressRequest>(text);
            break;
        default:
            check<livekit::EgressInfo>(text);
    }
    return 0;
}
