#pragma once

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "net/http_client.hpp"
#include "notify/formats.hpp"
#include "notify/outbox.hpp"
#include "notify/receiver.hpp"
#include "records/model.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

/// Private to notify, without sockets or clocks: from an event to rows, and from a row to a
/// request.
namespace aircheck::notify {

/// What rows and requests are made with; fixed once made.
class Envelopes {
public:
    /// Errors: as Outbox::create().
    [[nodiscard]] static Result<Envelopes> make(Outbox::Options options);

    /// The rows that announce `event`, as Outbox::prepare().
    [[nodiscard]] Result<std::vector<records::Delivery>> rows(
        const livekit::WebhookEvent& event,
        const EventFacts& facts,
        const std::vector<Receiver>& named,
        Outbox::Origin origin
    ) const;

    struct Letter {
        net::HttpRequest request;
        bool configured = true;  ///< Else the URL came in a request.
    };
    /// The request that delivers `delivery`, freshly signed at `now`. Errc::NotFound: its receiver
    /// is not configured any more; Errc::PermissionDenied: its signing key or the key of secrets is
    /// gone.
    [[nodiscard]] Result<Letter> letter(const records::Delivery& delivery, WallTime now) const;

    [[nodiscard]] const Outbox::Options& options() const { return options_; }

private:
    explicit Envelopes(Outbox::Options options);

    enum class Source { Configuration, Request };
    [[nodiscard]] Result<> check(const Receiver& receiver) const;
    [[nodiscard]] const std::string& key_of(const Receiver& receiver) const;
    /// Where configured_ has `receiver`, or has room for it: receiver_name(), with "-2", "-3" … for
    /// further ways to write to the same URL.
    [[nodiscard]] std::string configured_name(const Receiver& receiver) const;
    /// A rule's receiver as it is configured now: its headers or key may have changed since a
    /// recording named it. `named` itself where its URL is not configured in its format any more.
    [[nodiscard]] const Receiver& as_configured(const Receiver& named) const;
    /// The configured receivers that are told of `event`, by name: one for each URL, a rule's
    /// first.
    [[nodiscard]] std::vector<std::string> told(
        const std::string& event, const std::vector<Receiver>& named, Outbox::Origin origin
    ) const;
    [[nodiscard]] Result<records::Delivery> row(
        const livekit::WebhookEvent& event,
        const EventFacts& facts,
        const Receiver& receiver,
        Source source
    ) const;

    Outbox::Options options_;
    std::map<std::string, Receiver> configured_;  ///< By configured_name().
};

}  // namespace aircheck::notify
