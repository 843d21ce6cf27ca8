#pragma once

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "net/socket.hpp"
#include "transport/candidate.hpp"
#include "transport/peer_transport.hpp"
#include "transport/stun.hpp"
#include "transport/wire.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::transport {

enum class IceRole : std::uint8_t { Controlling, Controlled };

/// Disconnected: a pair was selected, and the remote has not answered for a while.
enum class IceState : std::uint8_t { Idle, Checking, Connected, Disconnected, Failed };

struct IceCredentials {
    std::string ufrag;
    std::string pwd;
    bool operator==(const IceCredentials&) const = default;
};

/// Fresh ones: 8 and 24 characters of RFC 8839's ice-char (RFC 8445 §5.3 asks for 24 and 128 bits).
[[nodiscard]] IceCredentials new_ice_credentials();

/// ICE (RFC 8445) for one component against one remote, over host candidates, relayed ones, and
/// active ICE-TCP.
///
/// Checks are paced by 20 ms, triggered checks first, and repeated with backoff as long as the
/// agent looks for a pair: a recorder has nothing better to do than to go on trying. The
/// controlling side nominates regularly (§8.1.1). TCP pairs are opened when UDP has not answered
/// for `tcp_after`, or when no UDP candidate was offered. Relayed candidates are asked for, by
/// relay_due(), when nothing has answered for `relay_after`, at once where there are no others, and
/// have the lowest priority. Consent (RFC 7675) is asked for every 5
/// s, each second when an answer is missing. A restart keeps the selected pair, with its
/// credentials, until a new one is nominated. STUN that is not authentic is ignored. A lite agent
/// only answers. Sans-I/O; not thread-safe; at most 64 pairs.
class IceAgent {
public:
    struct Config {
        IceRole role = IceRole::Controlled;
        IceMode mode = IceMode::Full;
        TcpUse tcp = TcpUse::Fallback;
        Nanoseconds tcp_after = 700ms;
        Nanoseconds relay_after = 1s;
        Nanoseconds timeout = 15s;
        Nanoseconds disconnected_after = 8s;
        Nanoseconds consent_timeout = 30s;
        std::uint64_t tie_breaker = 0;  ///< 0: random.
    };
    struct Path {
        PathId path = 0;
        net::Endpoint local;  ///< Of a TCP path: known once connected.
        net::Endpoint remote;
        bool operator==(const Path&) const = default;
    };

    /// `wire` outlives the agent.
    IceAgent(const Config& config, Wire& wire);

    /// Also while it checks: the new one is paired with what the remote offered.
    void add_local_candidate(PathId path, const net::Endpoint& local, Instant now);
    /// `preference`: among relayed candidates, 0 to 65535.
    void add_relayed_candidate(
        PathId path, const net::Endpoint& relayed, std::uint16_t preference, Instant now
    );
    /// The path is on its way out: not offered any more, and no new pair takes it.
    void retire_path(PathId path);
    /// The path is gone with its candidate and pairs: looks for another one.
    void remove_path(PathId path, Instant now);
    /// When to ask for relayed candidates (anew), as things stand; nothing while a pair works.
    [[nodiscard]] std::optional<Instant> relay_due() const;
    /// True once a search, when that is due.
    [[nodiscard]] bool take_relay_request(Instant now);
    /// None of them came to anything: they are due again at `at`, while no pair works.
    void ask_for_relays_at(Instant at);
    /// What became of the relays, for failure() and tried(): "relay …: no answer".
    void set_relay_words(std::string words) { relay_words_ = std::move(words); }
    [[nodiscard]] const std::vector<Candidate>& local_candidates() const { return locals_; }
    [[nodiscard]] const IceCredentials& local_credentials() const { return now_.local; }
    [[nodiscard]] const IceCredentials& remote_credentials() const { return now_.remote; }

    /// Starts checking; after restart() with the remote's new credentials.
    void set_remote(const IceCredentials& remote, IceMode mode, Instant now);
    void restart(Instant now);
    /// Before set_remote too. Ones of no local address family are dropped.
    void add_remote_candidate(const Candidate& candidate, Instant now);

    /// False when the message was ignored: malformed, or not authentic.
    bool on_stun(PathId path, const net::Endpoint& from, BytesView bytes, Instant now);
    void on_tcp_connected(PathId path, const net::Endpoint& local, Instant now);
    void on_tcp_closed(PathId path, std::string_view reason, Instant now);
    void on_tick(Instant now);
    [[nodiscard]] std::optional<Instant> next_deadline() const;

    [[nodiscard]] IceState state() const { return state_; }
    [[nodiscard]] IceRole role() const { return role_; }
    /// Why the state is Failed, naming what was tried.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    /// Which addresses are tried, and that none has answered (so far).
    [[nodiscard]] std::string tried() const;
    /// The selected pair (an older one while a restart goes on), or none.
    [[nodiscard]] const Path* selected() const { return selected_ ? &selected_->path : nullptr; }
    /// Where packets may go before a pair is selected: the best pair that answered.
    [[nodiscard]] const Path* best_path() const;
    /// True when a connectivity check vouched for packets from `from` on `path`.
    [[nodiscard]] bool is_known(PathId path, const net::Endpoint& from) const;
    [[nodiscard]] std::uint64_t selections() const { return selections_; }

private:
    enum class PairState : std::uint8_t {
        Unopened,
        Opening,
        Waiting,
        InProgress,
        Succeeded,
        Failed
    };
    struct Check {
        stun::TransactionId id{};
        bool active = false;
        bool nominates = false;
        IceRole role = IceRole::Controlled;
        unsigned sends = 0;
        Instant next_send;
    };
    struct Pair {
        Path path;
        bool tcp = false;
        PairState state = PairState::Waiting;
        std::uint32_t local_priority = 0, remote_priority = 0;
        std::uint64_t priority = 0;
        bool triggered = false;
        bool nominated = false;  ///< By the controlling remote, before our own check succeeded.
        bool vouched = false;    ///< An authentic message came by it.
        bool heard = false;      ///< The remote checks it, too.
        unsigned reminders = 0;
        Instant next_reminder;
        Check check;
        Instant not_before;  ///< Of opening TCP.
        std::string error;   ///< Of TCP.
    };
    /// What a restart makes anew.
    struct Generation {
        IceCredentials local, remote;
        std::vector<Pair> pairs;
        std::vector<Candidate> pending;  ///< Came before the remote's credentials.
        std::vector<Candidate> remotes;  ///< For local candidates that come later.
        Instant started;
        std::optional<Instant> tcp_candidate_at, first_success;
        bool running = false, has_udp_candidate = false, has_selected = false, gave_up = false;
        bool relays_asked = false;
        std::optional<Instant> relays_at;  ///< When they are due, where that was said.
    };
    struct Selected {
        Path path;
        IceCredentials local, remote;
        std::uint64_t priority = 0;
        std::uint32_t local_priority = 0;
        bool current = true;  ///< Of the present generation.
        Instant last_answer, next_check;
        unsigned unanswered = 0;
        std::array<stun::TransactionId, 4> transactions{};
        unsigned next_transaction = 0;
    };

    // ice.cpp: what comes in.
    bool on_request(
        PathId path, const net::Endpoint& from, const stun::MessageView& message, Instant now
    );
    bool on_response(
        PathId path, const net::Endpoint& from, const stun::MessageView& message, Instant now
    );
    bool resolve_role_conflict(const stun::MessageView& message);
    void answer(
        PathId path,
        const net::Endpoint& to,
        const stun::MessageView& message,
        const IceCredentials& local,
        int error
    );
    void on_current_request(
        PathId path, const net::Endpoint& from, const stun::MessageView& message, Instant now
    );
    void on_check_answered(Pair& pair, const stun::MessageView& message, Instant now);
    void pair_up(const Candidate& candidate, Instant now);
    void pair_up_with(std::size_t local, const Candidate& candidate, Instant now);
    void open_pair_with(std::size_t local, const Candidate& candidate, Instant now);
    void add_local(PathId path, Candidate candidate, Instant now);
    Pair* add_pair(Pair pair);
    Pair* find_pair(PathId path, const net::Endpoint& remote);
    [[nodiscard]] const Candidate* local_of(PathId path) const;
    void set_role(IceRole role);
    [[nodiscard]] std::uint64_t pair_priority(const Pair& pair) const;

    // ice_checks.cpp: what is due.
    void run(Instant now);
    void open_tcp_pairs(Instant now);
    void run_checks(Instant now);
    void remind(Pair& pair, Instant now);
    void start_check(Pair& pair, bool nominates, Instant now);
    void send_check(Pair& pair, Instant now);
    void nominate(Instant now);
    void select(Pair& pair, Instant now);
    void search_again(Instant now);
    void run_consent(Instant now);
    void update_state(Instant now);
    void fail_all(std::string why);
    [[nodiscard]] Nanoseconds consent_interval();
    void close_tcp_pairs(std::vector<Pair>& pairs);

    Config config_;
    Wire& wire_;
    IceRole role_;
    IceMode remote_mode_ = IceMode::Full;
    IceState state_ = IceState::Idle;
    std::uint64_t tie_breaker_;
    std::uint64_t random_;
    std::vector<Candidate> locals_;
    std::vector<PathId> local_paths_;  ///< Beside locals_.
    Generation now_;
    std::optional<Selected> selected_;
    PathId next_tcp_path_ = kFirstTcpPath;
    Instant next_check_;
    std::string failure_;
    std::string relay_words_;
    unsigned foundations_ = 0;
    std::uint64_t selections_ = 0;
};

}  // namespace aircheck::transport
