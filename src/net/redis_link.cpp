#include "net/redis_link.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::net {
namespace {

constexpr Nanoseconds kFirstPause = 100ms;
constexpr Nanoseconds kLongestPause = 2s;
constexpr Nanoseconds kPatienceStep = 250ms;
constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;

std::vector<RedisNode> nodes_of(const RedisSettings& settings) {
    std::vector<std::string> texts = settings.sentinel_addresses;
    if (texts.empty()) texts = settings.cluster_addresses;
    if (texts.empty()) texts = {settings.address};
    const auto port = settings.sentinel_addresses.empty() ? kRedisPort : kSentinelPort;
    std::vector<RedisNode> nodes;
    for (const std::string& text : texts) {
        if (auto node = parse_redis_node(text, port)) nodes.push_back(*std::move(node));
    }
    return nodes;
}

}  // namespace

// --- Locating ------------------------------------------------------------------------------------

RedisLocator::RedisLocator(Loop& loop, const RedisSettings& settings, TlsContext tls)
    : loop_(loop), settings_(settings), tls_(std::move(tls)), nodes_(nodes_of(settings)) {}

RedisLocator::~RedisLocator() {
    on_node_ = nullptr;
    if (sentinel_) sentinel_->close();
}

void RedisLocator::locate(OnNode on_node) {
    on_node_ = std::move(on_node);
    if (sentinel_) sentinel_->close();
    if (!settings_.sentinel_addresses.empty()) return ask_sentinel(0, {});
    const RedisNode node = nodes_[next_++ % nodes_.size()];
    loop_.post([this, alive = std::weak_ptr<bool>(alive_), node] {
        if (!alive.expired() && on_node_) std::exchange(on_node_, nullptr)(node);
    });
}

void RedisLocator::ask_sentinel(std::size_t asked, std::string complaints) {
    if (asked == nodes_.size()) {
        loop_.post([this, alive = std::weak_ptr<bool>(alive_), complaints] {
            if (alive.expired() || !on_node_) return;
            std::exchange(on_node_, nullptr)(fail(
                Errc::Unavailable,
                "no sentinel knows the master '" + settings_.sentinel_master_name +
                    "': " + complaints
            ));
        });
        return;
    }
    // The one that knew last time is asked first.
    const RedisNode node = nodes_[(next_ + asked) % nodes_.size()];
    auto options = options_for(node);
    options.username = settings_.sentinel_username;
    options.password = settings_.sentinel_password;
    options.db = 0;
    const auto next = [this, asked, complaints](const Error& error) {
        sentinel_ = nullptr;
        ask_sentinel(asked + 1, complaints + (complaints.empty() ? "" : "; ") + error.to_string());
    };
    RedisConnection::Handlers on;
    on.closed = next;
    on.ready = [this, node, next, asked] {
        sentinel_->send(
            {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings_.sentinel_master_name},
            [this, node, next, asked](const Result<RedisReply>& reply) {
                if (!reply) return;  // `closed` tells.
                const auto kept = std::exchange(sentinel_, nullptr);
                kept->close();
                const auto& items = reply->items;
                const auto master =
                    items.size() == 2
                        ? parse_redis_redirection("MOVED 0 " + items[0].text + ":" + items[1].text)
                        : std::nullopt;
                if (!master) {
                    const auto what = reply->is_null() ? "does not know it" : reply->text;
                    return next({Errc::NotFound, node.to_string() + ": " + what});
                }
                next_ = (next_ + asked) % nodes_.size();
                if (on_node_) std::exchange(on_node_, nullptr)(master->node);
            }
        );
    };
    sentinel_ = std::make_shared<RedisConnection>(loop_, std::move(options), std::move(on));
    sentinel_->start();
}

RedisConnection::Options RedisLocator::options_for(const RedisNode& node) const {
    RedisConnection::Options options;
    options.node = node;
    options.username = settings_.username;
    options.password = settings_.password;
    options.db = settings_.cluster_addresses.empty() ? settings_.db : 0;
    options.tls = tls_;
    if (settings_.tls) {
        options.is_verified = settings_.tls->is_verified;
        options.server_name = settings_.tls->server_name;
    }
    options.dial_timeout = settings_.dial_timeout;
    options.reply_timeout = settings_.read_timeout + settings_.write_timeout;
    return options;
}

// --- The link ------------------------------------------------------------------------------------

RedisLink::RedisLink(
    Loop& loop,
    std::shared_ptr<RedisLocator> locator,
    std::optional<RedisNode> fixed,
    RedisConnection::Role role,
    Handlers handlers
)
    : loop_(loop),
      locator_(std::move(locator)),
      fixed_(std::move(fixed)),
      role_(role),
      handlers_(std::move(handlers)),
      retry_(loop),
      patience_(loop),
      pause_(kFirstPause) {}

void RedisLink::start() {
    if (fixed_) {
        node_ = *fixed_;
        return connect();
    }
    locator_->locate([weak = weak_from_this()](Result<RedisNode> node) {
        const auto self = weak.lock();
        if (!self || self->is_closed_) return;
        if (!node) return self->lost(node.error());
        self->node_ = *std::move(node);
        self->connect();
    });
}

void RedisLink::connect() {
    auto options = locator_->options_for(node_);
    options.role = role_;
    RedisConnection::Handlers on;
    const auto with_self = [weak = weak_from_this()](auto call) {
        if (const auto self = weak.lock(); self && !self->is_closed_) call(*self);
    };
    on.ready = [with_self] { with_self([](RedisLink& self) { self.opened(); }); };
    on.pushed = [with_self](RedisReply reply) {
        with_self([&](RedisLink& self) {
            if (self.handlers_.pushed) self.handlers_.pushed(std::move(reply));
        });
    };
    on.closed = [with_self](const Error& error) {
        with_self([&](RedisLink& self) { self.lost(error); });
    };
    connection_ = std::make_shared<RedisConnection>(loop_, std::move(options), std::move(on));
    connection_->start();
}

void RedisLink::opened() {
    is_ready_ = true;
    why_lost_.clear();
    pause_ = kFirstPause;
    for (Command& command : take_waiting()) transmit(std::move(command));
    if (handlers_.ready) handlers_.ready();
}

void RedisLink::lost(const Error& error) {
    is_ready_ = false;
    why_lost_ = error.to_string();
    connection_ = nullptr;
    retry_.after(pause_, [this] { start(); });
    pause_ = std::min(pause_ * 2, kLongestPause);
    if (handlers_.lost) handlers_.lost(error);
}

void RedisLink::renew(const Error& why) {
    if (!connection_ || is_closed_) return;
    const auto dropped = std::exchange(connection_, nullptr);
    lost(why);
    dropped->close();
}

void RedisLink::send(Command command) {
    if (is_closed_) return;
    if (is_ready_) return transmit(std::move(command));
    waiting_.push_back(std::move(command));
    watch_waiting();
}

void RedisLink::transmit(Command command) {
    if (command.is_asking) connection_->send({"ASKING"}, {});
    connection_->send(command.words, std::move(command.done));
}

std::deque<RedisLink::Command> RedisLink::take_waiting() { return std::exchange(waiting_, {}); }

void RedisLink::watch_waiting() {
    if (std::exchange(is_watching_, true)) return;
    patience_.after(kPatienceStep, [this] {
        is_watching_ = false;
        const auto self = shared_from_this();
        const auto now = monotonic_now();
        std::vector<Command> late;
        std::erase_if(waiting_, [&](Command& command) {
            if (command.give_up_at > now) return false;
            late.push_back(std::move(command));
            return true;
        });
        const std::string why = why_lost_.empty() ? "" : ": " + why_lost_;
        for (Command& command : late) {
            if (command.done) command.done(fail(Errc::Unavailable, "no connection to Redis" + why));
        }
        if (!waiting_.empty() && !is_closed_) watch_waiting();
    });
}

void RedisLink::close() {
    is_closed_ = true;
    retry_.cancel();
    patience_.cancel();
    waiting_.clear();
    if (connection_) connection_->close();
    connection_ = nullptr;
    handlers_ = {};
}

}  // namespace aircheck::net
