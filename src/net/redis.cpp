#include "net/redis.hpp"

#include "core/log.hpp"
#include "net/redis_link.hpp"

#include <map>
#include <utility>

namespace aircheck::net {
namespace {

/// Names of channels in one SUBSCRIBE.
constexpr std::size_t kBatch = 100;

using Role = RedisConnection::Role;

}  // namespace

Result<> check_redis_settings(const RedisSettings& settings) {
    const bool has_sentinels = !settings.sentinel_addresses.empty();
    const bool is_cluster = !has_sentinels && !settings.cluster_addresses.empty();
    const auto check_all = [](const char* key, const std::vector<std::string>& texts) -> Result<> {
        for (const std::string& text : texts) {
            if (auto node = parse_redis_node(text, 1); !node) {
                return tl::unexpected(in_context(key, std::move(node).error()));
            }
        }
        return {};
    };
    if (has_sentinels) {
        if (settings.sentinel_master_name.empty()) {
            return fail(
                Errc::InvalidArgument,
                "redis.sentinel_master_name is missing beside redis.sentinel_addresses"
            );
        }
        return check_all("redis.sentinel_addresses", settings.sentinel_addresses);
    }
    if (is_cluster) return check_all("redis.cluster_addresses", settings.cluster_addresses);
    return check_all("redis.address", {settings.address});
}

struct Redis::Impl : std::enable_shared_from_this<Redis::Impl> {
    using Command = RedisLink::Command;

    struct Subscription {
        OnMessage on_message;
        std::function<void()> on_ready;
    };

    Impl(Loop& on, const RedisSettings& with, TlsContext tls)
        : loop(on),
          is_cluster(with.sentinel_addresses.empty() && !with.cluster_addresses.empty()),
          max_redirects(with.max_redirects),
          patience(with.patience),
          command_locator(std::make_shared<RedisLocator>(on, with, tls)),
          subscriber_locator(std::make_shared<RedisLocator>(on, with, std::move(tls))) {}

    void start();
    [[nodiscard]] std::shared_ptr<RedisLink> make_link(std::optional<RedisNode> fixed);
    [[nodiscard]] std::shared_ptr<RedisLink> link_to(const RedisNode& node);
    [[nodiscard]] RedisLink& link_for(const std::vector<std::string>& words);
    void dispatch(Command command, RedisLink& link);
    void answered(Command command, const RedisNode& from, Result<RedisReply> reply);
    void redirect(Command command, const RedisNode& from, const RedisRedirection& to);
    void node_lost(const RedisNode& node);
    void renew_subscriptions();
    void pushed(RedisReply reply);
    void note_connection(const Error& why);
    void close();

    Loop& loop;
    bool is_cluster;
    int max_redirects;
    Nanoseconds patience;
    std::shared_ptr<RedisLocator> command_locator;
    std::shared_ptr<RedisLocator> subscriber_locator;
    std::shared_ptr<RedisLink> commands;
    std::shared_ptr<RedisLink> subscriber;
    std::map<std::string, std::shared_ptr<RedisLink>> nodes;  ///< A cluster's, by address.
    std::map<std::uint16_t, RedisNode> slots;                 ///< As far as they were learnt.
    std::map<std::string, Subscription> subscriptions;
    OnConnection on_connection;
    bool was_connected = false;
    std::string told;  ///< The last failure that was logged.
    bool is_closed = false;
};

void Redis::Impl::start() {
    commands = make_link({});
    RedisLink::Handlers on;
    const auto with_self = [weak = weak_from_this()](auto call) {
        if (const auto self = weak.lock(); self && !self->is_closed) call(*self);
    };
    on.ready = [with_self] {
        with_self([](Impl& self) {
            self.renew_subscriptions();
            self.note_connection({});
        });
    };
    on.lost = [with_self](const Error& error) {
        with_self([&](Impl& self) { self.note_connection(error); });
    };
    on.pushed = [with_self](RedisReply reply) {
        with_self([&](Impl& self) { self.pushed(std::move(reply)); });
    };
    subscriber = std::make_shared<RedisLink>(
        loop, subscriber_locator, std::nullopt, Role::Subscriber, std::move(on)
    );
    commands->start();
    subscriber->start();
}

std::shared_ptr<RedisLink> Redis::Impl::make_link(std::optional<RedisNode> fixed) {
    RedisLink::Handlers on;
    const auto with_self = [weak = weak_from_this()](auto call) {
        if (const auto self = weak.lock(); self && !self->is_closed) call(*self);
    };
    if (fixed) {
        on.lost = [with_self, node = *fixed](const Error&) {
            with_self([&](Impl& self) { self.node_lost(node); });
        };
    } else {
        on.ready = [with_self] { with_self([](Impl& self) { self.note_connection({}); }); };
        on.lost = [with_self](const Error& error) {
            with_self([&](Impl& self) { self.note_connection(error); });
        };
    }
    return std::make_shared<RedisLink>(
        loop, command_locator, std::move(fixed), Role::Commands, std::move(on)
    );
}

/// Logs and tells a change; a failure that repeats itself is told once.
void Redis::Impl::note_connection(const Error& why) {
    const bool is_connected = commands->is_ready() && subscriber->is_ready();
    if (is_connected == was_connected && (is_connected || why.context.empty())) return;
    if (is_connected) {
        log::info("redis.connected", {{"node", commands->node().to_string()}});
        told.clear();
    } else if (auto text = why.to_string(); !why.context.empty() && text != told) {
        log::warn("redis.not_connected", {{"error", text}});
        told = std::move(text);
    }
    const bool changed = std::exchange(was_connected, is_connected) != is_connected;
    if (changed && on_connection) on_connection(is_connected, why);
}

// --- Commands ------------------------------------------------------------------------------------

std::shared_ptr<RedisLink> Redis::Impl::link_to(const RedisNode& node) {
    auto& link = nodes[node.to_string()];
    if (!link) {
        link = make_link(node);
        link->start();
    }
    return link;
}

RedisLink& Redis::Impl::link_for(const std::vector<std::string>& words) {
    if (!is_cluster) return *commands;
    const auto key = key_of_redis_command(words);
    if (key.empty()) return *commands;
    const auto it = slots.find(redis_slot_of(key));
    return it == slots.end() ? *commands : *link_to(it->second);
}

void Redis::Impl::dispatch(Command command, RedisLink& link) {
    if (link.waiting() >= kMaxWaiting) {
        loop.post([weak = weak_from_this(), done = std::move(command.done)] {
            const auto self = weak.lock();
            if (self && !self->is_closed && done)
                done(fail(Errc::Unavailable, "too many commands wait for Redis"));
        });
        return;
    }
    Command sent = command;
    sent.done = [weak = weak_from_this(),
                 asked = link.weak_from_this(),
                 command](Result<RedisReply> reply) {
        const auto self = weak.lock();
        if (!self || self->is_closed) return;
        const auto from = asked.lock();
        self->answered(command, from ? from->node() : RedisNode{}, std::move(reply));
    };
    link.send(std::move(sent));
}

void Redis::Impl::answered(Command command, const RedisNode& from, Result<RedisReply> reply) {
    if (reply && reply->kind == RedisReply::Kind::Error) {
        if (is_cluster && command.redirects_left > 0) {
            if (const auto to = parse_redis_redirection(reply->text)) {
                return redirect(std::move(command), from, *to);
            }
        }
        const bool is_moment =
            reply->text.starts_with("LOADING") || reply->text.starts_with("CLUSTERDOWN") ||
            reply->text.starts_with("READONLY") || reply->text.starts_with("MASTERDOWN");
        const Error error{is_moment ? Errc::Unavailable : Errc::Failed, "Redis: " + reply->text};
        // A master that became a replica: the new one must be looked for.
        if (reply->text.starts_with("READONLY") && !is_cluster) {
            loop.post([weak = weak_from_this(), error] {
                if (const auto self = weak.lock(); self && !self->is_closed)
                    self->commands->renew(error);
            });
        }
        reply = tl::unexpected(error);
    }
    if (command.done) command.done(std::move(reply));
}

void Redis::Impl::redirect(Command command, const RedisNode& from, const RedisRedirection& to) {
    RedisNode node = to.node;
    if (node.host.empty()) node.host = from.host;
    if (to.is_lasting) slots[to.slot] = node;
    --command.redirects_left;
    command.is_asking = !to.is_lasting;
    dispatch(std::move(command), *link_to(node));
}

/// What it had is asked of the others again; which node has its slots now, they tell.
void Redis::Impl::node_lost(const RedisNode& node) {
    const auto it = nodes.find(node.to_string());
    if (it == nodes.end()) return;
    const auto link = it->second;
    nodes.erase(it);
    std::erase_if(slots, [&](const auto& slot) { return slot.second == node; });
    for (Command& command : link->take_waiting()) {
        command.is_asking = false;
        commands->send(std::move(command));
    }
    link->close();
}

// --- Subscriptions -------------------------------------------------------------------------------

void Redis::Impl::renew_subscriptions() {
    std::vector<std::string> words{"SUBSCRIBE"};
    for (const auto& [channel, subscription] : subscriptions) {
        words.push_back(channel);
        if (words.size() <= kBatch) continue;
        subscriber->send({words, {}, {}});
        words.resize(1);
    }
    if (words.size() > 1) subscriber->send({std::move(words), {}, {}});
}

void Redis::Impl::pushed(RedisReply reply) {
    if (reply.kind == RedisReply::Kind::Error) {
        // No right to a channel, say: other channels must not go with it.
        log::warn("redis.subscription_refused", {{"error", reply.text}});
        return;
    }
    if (reply.items.size() != 3) return;
    const auto it = subscriptions.find(reply.items[1].text);
    if (it == subscriptions.end()) return;
    if (reply.items[0].is_text("subscribe")) {
        if (const auto on_ready = std::exchange(it->second.on_ready, nullptr)) on_ready();
    } else if (reply.items[0].is_text("message")) {
        const auto on_message = it->second.on_message;  // Its subscription may end within.
        on_message(reply.items[2].text);
    }
}

void Redis::Impl::close() {
    is_closed = true;
    on_connection = nullptr;
    commands->close();
    subscriber->close();
    for (auto& [address, link] : nodes) link->close();
}

// --- The interface -------------------------------------------------------------------------------

Result<std::unique_ptr<Redis>> Redis::create(Loop& loop, RedisSettings settings) {
    AC_CHECK_OK(check_redis_settings(settings));
    TlsContext tls;
    if (settings.tls) {
        AC_TRY(tls, redis_tls_context(*settings.tls));
    }
    auto impl = std::make_shared<Impl>(loop, settings, std::move(tls));
    impl->start();
    return std::unique_ptr<Redis>(new Redis(std::move(impl)));
}

Redis::Redis(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Redis::~Redis() { impl_->close(); }

void Redis::command(std::vector<std::string> words, OnReply done) {
    RedisLink::Command command;
    command.words = std::move(words);
    command.done = std::move(done);
    command.give_up_at = monotonic_now() + impl_->patience;
    command.redirects_left = impl_->max_redirects;
    RedisLink& link = impl_->link_for(command.words);
    impl_->dispatch(std::move(command), link);
}

void Redis::subscribe(
    const std::string& channel, OnMessage on_message, std::function<void()> on_ready
) {
    impl_->subscriptions[channel] = {std::move(on_message), std::move(on_ready)};
    if (impl_->subscriber->is_ready()) impl_->subscriber->send({{"SUBSCRIBE", channel}, {}, {}});
}

void Redis::unsubscribe(const std::string& channel) {
    if (impl_->subscriptions.erase(channel) == 0) return;
    if (impl_->subscriber->is_ready()) impl_->subscriber->send({{"UNSUBSCRIBE", channel}, {}, {}});
}

bool Redis::is_connected() const { return impl_->was_connected; }
void Redis::on_connection(OnConnection handler) { impl_->on_connection = std::move(handler); }

}  // namespace aircheck::net
