#include "transport/peer_transport.hpp"

#include "core/log.hpp"
#include "transport/certificate.hpp"
#include "transport/description.hpp"
#include "transport/dtls.hpp"
#include "transport/ice.hpp"
#include "transport/packet_kind.hpp"
#include "transport/srtp.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace aircheck::transport {
namespace {

IceAgent::Config ice_config(const PeerTransport::Config& config) {
    IceAgent::Config ice;
    ice.role = config.side == Side::Offerer ? IceRole::Controlling : IceRole::Controlled;
    ice.mode = config.ice_mode;
    ice.tcp = config.tcp;
    ice.tcp_after = config.tcp_after;
    ice.relay_after = config.relay_after;
    ice.timeout = config.ice_timeout;
    ice.disconnected_after = config.interrupted_after;
    ice.consent_timeout = config.consent_timeout;
    return ice;
}

}  // namespace

struct PeerTransport::Impl final : Dtls::Output {
    Impl(const Certificate& own, Config wanted, Wire& to, Sink& reports)
        : certificate(own),
          config(std::move(wanted)),
          wire(to),
          sink(reports),
          ice(ice_config(config), to) {}

    void send_dtls(BytesView datagram) override {
        if (const auto* path = ice.best_path()) wire.send(path->path, path->remote, datagram);
    }

    [[nodiscard]] bool is_final() const { return stage == Stage::Failed || stage == Stage::Closed; }
    void enter(Stage next, Instant now, std::optional<Error> error = {});
    void describe_local();
    Result<> make_dtls(const RemoteParameters& remote);
    void advance(Instant now);
    void advance_dtls(Instant now);
    void on_dtls(BytesView bytes, Instant now);
    void on_media(PacketKind kind, BytesView bytes, Instant arrival);
    bool send_protected(PacketKind kind, BytesView packet);

    const Certificate& certificate;
    Config config;
    Wire& wire;
    Sink& sink;
    IceAgent ice;
    std::unique_ptr<Dtls> dtls;
    std::unique_ptr<SrtpSession> srtp;
    std::string_view profile;
    std::string remote_fingerprint;
    LocalParameters local;
    TransportStats stats;
    Stage stage = Stage::Idle;
    Instant stage_since;
    Dtls::Role dtls_role = Dtls::Role::Client;
    std::array<std::uint8_t, kMaxPacketBytes> received{};
    std::array<std::uint8_t, kMaxPacketBytes>
        sending{};  // Of its own: sinks may answer what they are told.
};

void PeerTransport::Impl::enter(Stage next, Instant now, std::optional<Error> error) {
    StageChange change;
    change.stage = next;
    change.previous = std::exchange(stage, next);
    change.spent = change.previous == Stage::Idle ? Nanoseconds{0} : now - stage_since;
    change.at = now;
    change.error = std::move(error);
    stage_since = now;
    sink.on_stage(change);
}

void PeerTransport::Impl::describe_local() {
    local.ice_ufrag = ice.local_credentials().ufrag;
    local.ice_pwd = ice.local_credentials().pwd;
    local.fingerprint = certificate.fingerprint();
    if (config.side == Side::Offerer) {
        local.setup = DtlsSetup::Actpass;
    } else {
        local.setup = dtls_role == Dtls::Role::Client ? DtlsSetup::Active : DtlsSetup::Passive;
    }
    local.candidates.clear();
    for (auto candidate : ice.local_candidates()) {
        // LiveKit's ICE nominates what is called a relay after two seconds at the earliest, to give
        // others time. We ask for relays only where nothing else answers: sound would be lost.
        if (candidate.type == CandidateType::Relay) candidate.type = CandidateType::Host;
        local.candidates.push_back(transport::to_string(candidate));
    }
}

Result<> PeerTransport::Impl::make_dtls(const RemoteParameters& remote) {
    if (config.side == Side::Offerer && remote.setup == DtlsSetup::Actpass) {
        return fail(
            make_error_code(Errc::InvalidArgument), "remote description: an answer of setup:actpass"
        );
    }
    // Who is asked to choose is the client: that saves half a round trip (RFC 8842 §5.3).
    dtls_role = remote.setup == DtlsSetup::Active ? Dtls::Role::Server : Dtls::Role::Client;
    Dtls::Config wanted;
    wanted.role = dtls_role;
    wanted.remote_fingerprint = remote.fingerprint;
    wanted.srtp_profiles = config.srtp_profiles;
    wanted.timeout = config.dtls_timeout;
    wanted.first_retransmit = config.dtls_first_retransmit;
    AC_TRY(dtls, Dtls::create(certificate, wanted, *this));
    remote_fingerprint = remote.fingerprint;
    return {};
}

void PeerTransport::Impl::advance(Instant now) {
    if (is_final() || stage == Stage::Idle) return;
    stats.pair_changes = ice.selections();
    if (ice.state() == IceState::Failed) {
        enter(Stage::Failed, now, Error{make_error_code(Errc::Unavailable), ice.failure()});
        return;
    }
    if (stage == Stage::Ice && ice.state() == IceState::Connected) {
        enter(Stage::Dtls, now);
        dtls->start(now);
    }
    advance_dtls(now);
    if (stage == Stage::Connected && ice.state() == IceState::Disconnected) {
        enter(Stage::Interrupted, now);
    } else if (stage == Stage::Interrupted && ice.state() == IceState::Connected) {
        enter(Stage::Connected, now);
    }
}

void PeerTransport::Impl::advance_dtls(Instant now) {
    switch (dtls->state()) {
        case Dtls::State::Idle:
        case Dtls::State::Handshaking:
            return;
        case Dtls::State::Failed:
            enter(Stage::Failed, now, dtls->error());
            return;
        case Dtls::State::Closed:
            enter(Stage::Closed, now);
            return;
        case Dtls::State::Connected:
            break;
    }
    if (stage != Stage::Dtls) return;
    auto session = SrtpSession::create(*dtls->keys());
    if (!session) {
        enter(Stage::Failed, now, std::move(session).error());
        return;
    }
    srtp = *std::move(session);
    profile = transport::to_string(dtls->keys()->profile);
    enter(Stage::Connected, now);
}

void PeerTransport::Impl::on_dtls(BytesView bytes, Instant now) {
    ++stats.dtls_packets;
    if (!dtls) return;
    // A client may see its pair nominated before we do.
    if (dtls->state() == Dtls::State::Idle && dtls_role == Dtls::Role::Server) dtls->start(now);
    dtls->on_datagram(bytes, now);
    advance(now);
}

void PeerTransport::Impl::on_media(PacketKind kind, BytesView bytes, Instant arrival) {
    if (!srtp || is_final()) {
        ++stats.unknown_packets;
        return;
    }
    std::copy(bytes.begin(), bytes.end(), received.begin());
    std::size_t size = bytes.size();
    const auto verdict = kind == PacketKind::Rtp ? srtp->unprotect_rtp(received, size)
                                                 : srtp->unprotect_rtcp(received, size);
    switch (verdict) {
        case SrtpSession::Verdict::AuthFailure:
            ++stats.srtp_auth_failures;
            return;
        case SrtpSession::Verdict::Replay:
            ++stats.srtp_replays;
            return;
        case SrtpSession::Verdict::Malformed:
            ++stats.unknown_packets;
            return;
        case SrtpSession::Verdict::Ok:
            break;
    }
    const BytesView clear(received.data(), size);
    if (kind == PacketKind::Rtp) {
        ++stats.rtp_packets;
        stats.rtp_bytes += size;
        sink.on_rtp(clear, arrival);
    } else {
        ++stats.rtcp_packets;
        stats.rtcp_bytes += size;
        sink.on_rtcp(clear, arrival);
    }
}

bool PeerTransport::Impl::send_protected(PacketKind kind, BytesView packet) {
    if (!srtp || is_final() || packet.size() + SrtpSession::kMaxTrailer > sending.size()) {
        return false;
    }
    const auto* path = ice.best_path();
    if (path == nullptr) return false;
    std::copy(packet.begin(), packet.end(), sending.begin());
    std::size_t size = packet.size();
    const bool done = kind == PacketKind::Rtp ? srtp->protect_rtp(sending, size)
                                              : srtp->protect_rtcp(sending, size);
    if (!done) return false;
    ++stats.sent_packets;
    stats.sent_bytes += size;
    wire.send(path->path, path->remote, BytesView(sending.data(), size));
    return true;
}

PeerTransport::PeerTransport(const Certificate& certificate, Config config, Wire& wire, Sink& sink)
    : impl_(std::make_unique<Impl>(certificate, std::move(config), wire, sink)) {
    impl_->describe_local();
}

PeerTransport::~PeerTransport() = default;

void PeerTransport::add_local_address(PathId path, const net::Endpoint& local, Instant now) {
    impl_->ice.add_local_candidate(path, local, now);
    impl_->describe_local();
    impl_->advance(now);
}

void PeerTransport::add_relayed_address(
    PathId path, const net::Endpoint& relayed, std::uint16_t preference, Instant now
) {
    impl_->ice.add_relayed_candidate(path, relayed, preference, now);
    impl_->describe_local();
    impl_->advance(now);
}

void PeerTransport::remove_path(PathId path, Instant now) {
    impl_->ice.remove_path(path, now);
    impl_->describe_local();
    impl_->advance(now);
}

void PeerTransport::retire_path(PathId path) {
    impl_->ice.retire_path(path);
    impl_->describe_local();
}

std::optional<Instant> PeerTransport::relay_due() const { return impl_->ice.relay_due(); }

bool PeerTransport::take_relay_request(Instant now) { return impl_->ice.take_relay_request(now); }

void PeerTransport::ask_for_relays_at(Instant at) { impl_->ice.ask_for_relays_at(at); }

void PeerTransport::set_relay_words(std::string words) {
    impl_->ice.set_relay_words(std::move(words));
}

Result<> PeerTransport::set_remote(const RemoteParameters& remote, Instant now) {
    AC_CHECK_OK(check(remote));
    if (!impl_->dtls) {
        AC_CHECK_OK(impl_->make_dtls(remote));
    } else if (!is_same_fingerprint(remote.fingerprint, impl_->remote_fingerprint)) {
        return fail(
            make_error_code(Errc::Unsupported),
            "remote description: another certificate needs a new transport"
        );
    }
    if (impl_->is_final()) return {};
    if (impl_->stage == Stage::Idle) impl_->enter(Stage::Ice, now);
    const IceCredentials credentials{remote.ice_ufrag, remote.ice_pwd};
    const auto& known = impl_->ice.remote_credentials();
    if (known != credentials) {
        const bool is_restart = !known.ufrag.empty();
        if (is_restart && impl_->config.side == Side::Answerer) impl_->ice.restart(now);
        impl_->ice.set_remote(credentials, remote.ice_mode, now);
    }
    impl_->describe_local();
    for (const auto& candidate : remote.candidates) add_remote_candidate(candidate, now);
    impl_->advance(now);
    return {};
}

void PeerTransport::add_remote_candidate(std::string_view candidate, Instant now) {
    const auto parsed = parse_candidate(candidate);
    if (!parsed) {
        log::debug("transport.candidate_ignored", {{"reason", parsed.error().to_string()}});
        return;
    }
    impl_->ice.add_remote_candidate(*parsed, now);
    impl_->advance(now);
}

void PeerTransport::restart_ice(Instant now) {
    impl_->ice.restart(now);
    impl_->describe_local();
}

const LocalParameters& PeerTransport::local() const { return impl_->local; }

void PeerTransport::on_datagram(
    PathId path, const net::Endpoint& from, BytesView bytes, Instant arrival
) {
    const auto kind = kind_of(bytes);
    switch (kind) {
        case PacketKind::Unknown:
            ++impl_->stats.unknown_packets;
            return;
        case PacketKind::Stun:
            ++impl_->stats.stun_packets;
            if (!impl_->ice.on_stun(path, from, bytes, arrival)) ++impl_->stats.stun_ignored;
            impl_->advance(arrival);
            return;
        case PacketKind::Dtls:
        case PacketKind::Rtp:
        case PacketKind::Rtcp:
            break;
    }
    if (!impl_->ice.is_known(path, from)) {
        ++impl_->stats.unknown_source;
        return;
    }
    if (kind == PacketKind::Dtls) {
        impl_->on_dtls(bytes, arrival);
    } else {
        impl_->on_media(kind, bytes, arrival);
    }
}

void PeerTransport::on_tcp_connected(PathId path, const net::Endpoint& local, Instant now) {
    impl_->ice.on_tcp_connected(path, local, now);
    impl_->advance(now);
}

void PeerTransport::on_tcp_closed(PathId path, std::string_view reason, Instant now) {
    impl_->ice.on_tcp_closed(path, reason, now);
    impl_->advance(now);
}

void PeerTransport::on_tick(Instant now) {
    if (impl_->is_final()) return;
    impl_->ice.on_tick(now);
    if (impl_->dtls) impl_->dtls->on_tick(now);
    impl_->advance(now);
}

std::optional<Instant> PeerTransport::next_deadline(Instant now) const {
    if (impl_->is_final()) return {};
    auto due = impl_->ice.next_deadline();
    const auto dtls_due = impl_->dtls ? impl_->dtls->next_deadline(now) : std::nullopt;
    if (dtls_due) due = due ? std::min(*due, *dtls_due) : *dtls_due;
    return due;
}

bool PeerTransport::send_rtcp(BytesView packet, Instant now) {
    static_cast<void>(now);
    return impl_->send_protected(PacketKind::Rtcp, packet);
}

bool PeerTransport::send_rtp(BytesView packet, Instant now) {
    static_cast<void>(now);
    return impl_->send_protected(PacketKind::Rtp, packet);
}

void PeerTransport::close(Instant now) {
    if (impl_->is_final()) return;
    if (impl_->dtls) impl_->dtls->close();
    impl_->stage = Stage::Closed;
    impl_->stage_since = now;
}

Stage PeerTransport::stage() const { return impl_->stage; }
const TransportStats& PeerTransport::stats() const { return impl_->stats; }

std::optional<SelectedPair> PeerTransport::selected_pair() const {
    const auto* path = impl_->ice.selected();
    if (path == nullptr) return {};
    return SelectedPair{path->path, path->path >= kFirstTcpPath, "", path->local, path->remote};
}

std::string PeerTransport::tried() const { return impl_->ice.tried(); }
std::string_view PeerTransport::srtp_profile() const { return impl_->profile; }

}  // namespace aircheck::transport
