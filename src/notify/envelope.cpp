#include "notify/envelope.hpp"

#include "core/id.hpp"
#include "core/log.hpp"
#include "net/crypto.hpp"
#include "net/url.hpp"
#include "notify/signing.hpp"
#include "proto/livekit_webhook.pb.h"

#include <algorithm>
#include <set>

namespace aircheck::notify {
namespace {

constexpr std::size_t kSecretsKeyBytes = 32;

/// LiveKit's queues are by egress, else by room (livekit-wire 8.2): an automatic egress that could
/// not start has no id.
std::string fifo_key_of(const livekit::WebhookEvent& event) {
    const livekit::EgressInfo& info = event.egress_info();
    if (!info.egress_id().empty()) return info.egress_id();
    return info.room_name().empty() ? event.room().name() : info.room_name();
}

Result<> check_url(const std::string& text) {
    const auto url = net::Url::parse(text);
    const bool usable = url && (url->scheme == "http" || url->scheme == "https");
    if (usable) return {};
    return fail(
        Errc::InvalidArgument, "webhooks.url: " + net::redact_url(text) + " is no http(s) URL"
    );
}

}  // namespace

Envelopes::Envelopes(Outbox::Options options) : options_(std::move(options)) {
    if (options_.default_key.empty() && !options_.api_keys.empty()) {
        options_.default_key = options_.api_keys.begin()->first;
    }
}

Result<Envelopes> Envelopes::make(Outbox::Options options) {
    Envelopes made(std::move(options));
    const Outbox::Options& given = made.options_;
    if (given.secrets_key.size() != kSecretsKeyBytes) {
        return fail(
            Errc::InvalidArgument,
            "secrets_key_file: the key has " + std::to_string(given.secrets_key.size()) +
                " bytes, not 32"
        );
    }
    if (!given.default_key.empty() && !given.api_keys.contains(given.default_key)) {
        return fail(Errc::InvalidArgument, "webhooks: no API key is named " + given.default_key);
    }
    std::set<std::string> global_urls;
    for (const Receiver& receiver : given.receivers) {
        AC_CHECK_OK(made.check(receiver));
        if (!receiver.only_when_named && !global_urls.insert(receiver.url).second) {
            return fail(
                Errc::InvalidArgument,
                "webhooks.url: " + net::redact_url(receiver.url) + " is there twice"
            );
        }
        made.configured_.emplace(made.configured_name(receiver), receiver);
    }
    return made;
}

std::string Envelopes::configured_name(const Receiver& receiver) const {
    const std::string base = receiver_name(receiver);
    std::string name = base;
    for (int number = 2;; ++number) {
        const auto known = configured_.find(name);
        if (known == configured_.end() || same_letters(known->second, receiver)) return name;
        name = base + "-" + std::to_string(number);
    }
}

const Receiver& Envelopes::as_configured(const Receiver& named) const {
    if (configured_.contains(configured_name(named))) return named;
    const auto now = std::ranges::find_if(configured_, [&](const auto& entry) {
        return entry.second.url == named.url && entry.second.format == named.format;
    });
    return now == configured_.end() ? named : now->second;
}

std::vector<std::string> Envelopes::told(
    const std::string& event, const std::vector<Receiver>& named, Outbox::Origin origin
) const {
    std::vector<std::string> names;
    std::set<std::string> urls;
    const auto tell = [&](const Receiver& receiver) {
        if (wants(receiver, event) && urls.insert(receiver.url).second) {
            names.push_back(configured_name(receiver));
        }
    };
    const bool own = origin == Outbox::Origin::OwnJob;
    for (const Receiver& receiver : named) {
        if (own && receiver.only_when_named) tell(as_configured(receiver));
    }
    for (const Receiver& receiver : options_.receivers) {
        if (!receiver.only_when_named && (own || receiver.also_for_bus)) tell(receiver);
    }
    return names;
}

const std::string& Envelopes::key_of(const Receiver& receiver) const {
    return receiver.signing_key.empty() ? options_.default_key : receiver.signing_key;
}

Result<> Envelopes::check(const Receiver& receiver) const {
    AC_CHECK_OK(check_url(receiver.url));
    const std::string& key = key_of(receiver);
    if (options_.api_keys.contains(key)) return {};
    const std::string name = key.empty() ? "there is no API key to sign with"
                                         : "signing_key: no API key is named " + key;
    return fail(Errc::InvalidArgument, "webhooks: " + name);
}

Result<records::Delivery> Envelopes::row(
    const livekit::WebhookEvent& event,
    const EventFacts& facts,
    const Receiver& receiver,
    Source source
) const {
    records::Delivery delivery;
    delivery.delivery_id = new_id("DL_");
    delivery.receiver =
        source == Source::Request ? receiver_name(receiver) : configured_name(receiver);
    delivery.fifo_key = fifo_key_of(event);
    delivery.egress_id = event.egress_info().egress_id();
    delivery.event = event.event();
    delivery.event_id = event.id();
    delivery.format = to_string(receiver.format);
    delivery.signing_key = key_of(receiver);
    delivery.url = net::redact_url(receiver.url);
    if (source == Source::Request) {
        // Bound to its row: another row's sealed URL cannot take its place.
        delivery.sealed_url = net::seal(options_.secrets_key, receiver.url, delivery.delivery_id);
    }
    delivery.content_type = content_type_of(receiver.format);
    delivery.created_at = WallTime(std::chrono::seconds(event.created_at()));
    AC_TRY(delivery.body, body_of(event, facts, receiver.format));
    return delivery;
}

Result<std::vector<records::Delivery>> Envelopes::rows(
    const livekit::WebhookEvent& event,
    const EventFacts& facts,
    const std::vector<Receiver>& named,
    Outbox::Origin origin
) const {
    if (event.id().empty() || event.created_at() == 0) {
        return fail(Errc::InvalidArgument, "webhook: the event has no id or time");
    }
    std::vector<records::Delivery> deliveries;
    for (const std::string& name : told(event.event(), named, origin)) {
        const auto receiver = configured_.find(name);
        if (receiver == configured_.end()) {
            log::warn(
                "webhook.not_sent",
                {{"egress", event.egress_info().egress_id()},
                 {"event", event.event()},
                 {"reason", "the rule's receiver " + name + " is not configured"}}
            );
            continue;
        }
        AC_TRY(auto delivery, row(event, facts, receiver->second, Source::Configuration));
        deliveries.push_back(std::move(delivery));
    }
    // livekit-server itself tells the receivers of a request that came over its bus.
    if (origin != Outbox::Origin::OwnJob) return deliveries;
    for (const Receiver& receiver : named) {
        if (receiver.only_when_named || !wants(receiver, event.event())) continue;
        if (const auto usable = check(receiver); !usable) {
            log::warn(
                "webhook.not_sent",
                {{"egress", event.egress_info().egress_id()},
                 {"event", event.event()},
                 {"reason", usable.error().to_string()}}
            );
            continue;
        }
        AC_TRY(auto delivery, row(event, facts, receiver, Source::Request));
        deliveries.push_back(std::move(delivery));
    }
    return deliveries;
}

Result<Envelopes::Letter> Envelopes::letter(const records::Delivery& delivery, WallTime now) const {
    Letter letter;
    net::HttpRequest& request = letter.request;
    if (!delivery.sealed_url.empty()) {
        letter.configured = false;
        auto url =
            net::open_sealed(options_.secrets_key, delivery.sealed_url, delivery.delivery_id);
        if (!url) {
            return fail(
                Errc::PermissionDenied, "secrets_key_file: another key sealed this receiver's URL"
            );
        }
        request.url = std::move(*url);
        request.reach = net::HttpRequest::Reach::PublicOnly;
        request.allow = options_.allow;
    } else {
        const auto receiver = configured_.find(delivery.receiver);
        if (receiver == configured_.end()) {
            return fail(Errc::NotFound, "webhooks: this receiver is not configured any more");
        }
        request.url = receiver->second.url;
        for (const auto& [name, value] : receiver->second.headers) request.headers.set(name, value);
    }
    const auto key = options_.api_keys.find(delivery.signing_key);
    if (key == options_.api_keys.end()) {
        return fail(
            Errc::PermissionDenied, "webhooks: no API key is named " + delivery.signing_key
        );
    }
    request.method = "POST";
    request.body = delivery.body;
    request.timeout = options_.timeout;
    request.connect_timeout = std::min(request.connect_timeout, options_.timeout);
    request.ca_file = options_.ca_file;
    for (const auto& [name, value] : delivery.headers) request.headers.set(name, value);
    request.headers.set("Content-Type", delivery.content_type);
    request.headers.set("User-Agent", "aircheck/" AIRCHECK_VERSION);
    if (delivery.format == to_string(Format::LiveKit)) {
        request.headers.set(
            "Authorization", livekit_token(delivery.body, {key->first, key->second}, now)
        );
        return letter;
    }
    const auto headers = standard_headers(delivery.event_id, delivery.body, key->second, now);
    request.headers.set("webhook-id", headers.id);
    request.headers.set("webhook-timestamp", headers.timestamp);
    request.headers.set("webhook-signature", headers.signature);
    return letter;
}

}  // namespace aircheck::notify
