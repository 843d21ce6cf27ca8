#pragma once

#include "net/any_stream.hpp"
#include "net/tls_context.hpp"

#include <boost/asio/steady_timer.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>

namespace aircheck::net {

/// Carries bytes both ways between two connections, as they come, until both ways have ended or
/// one connection fails.
///
/// Each way has one buffer of 16 KiB and reads on when that is written, so that a slow reader slows
/// its sender. A side that has finished sending may still be sent to, for half a minute. Idle costs
/// nothing and has no limit; a peer that is gone without a word is found by TCP's keepalive within
/// about a minute, one that takes nothing is given up after as long. For net's own .cpp files;
/// lives on the loop's thread.
class Tunnel : public std::enable_shared_from_this<Tunnel> {
public:
    struct Side {
        TlsContext tls;  ///< The stream's; null without TLS.
        AnyStream stream;
        std::string first;  ///< Sent to this side before anything else.
    };

    /// `ended` runs once, not after abandon().
    [[nodiscard]] static std::shared_ptr<Tunnel> start(
        Side left, Side right, std::function<void()> ended
    );
    /// Closes both at once.
    void abandon();

    /// For start() alone.
    Tunnel(Side left, Side right, std::function<void()> ended);

private:
    using ErrorCode = boost::system::error_code;
    struct Way {
        Way(AnyStream& source, AnyStream& target)
            : from(source), to(target), timer(source.get_executor()) {}
        AnyStream& from;
        AnyStream& to;
        boost::asio::steady_timer timer;
        std::array<char, 16384> buffer{};
        bool is_over = false;
    };

    void read(Way& way);
    void write(Way& way, boost::asio::const_buffer bytes);
    void finish(Way& way);
    void limit(Way& way, std::chrono::seconds time);
    void end();

    TlsContext left_tls_;  // Before the streams, which it outlives.
    TlsContext right_tls_;
    AnyStream left_;
    AnyStream right_;
    std::string to_left_;
    std::string to_right_;
    Way rightwards_;
    Way leftwards_;
    std::function<void()> on_ended_;
    bool ended_ = false;
};

}  // namespace aircheck::net
