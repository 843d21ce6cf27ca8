#include "control/psrpc_wire.hpp"

namespace aircheck::control {
namespace {

// On the wire the package is psrpc's Go module's: `internal`.
template <typename Message>
std::string type_url() {
    return "type.googleapis.com/internal." + Message::descriptor()->name();
}

template <typename Message>
std::string wrap_any(const Message& message) {
    psrpc::Msg envelope;
    envelope.set_type_url(type_url<Message>());
    envelope.set_value(message.SerializeAsString());
    return envelope.SerializeAsString();
}

bool parse(google::protobuf::Message& message, std::string_view bytes) {
    constexpr std::size_t kMostBytes = 16 * 1024 * 1024;
    return bytes.size() <= kMostBytes &&
           message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

std::string wrap(const psrpc::Request& message) { return wrap_any(message); }
std::string wrap(const psrpc::Response& message) { return wrap_any(message); }
std::string wrap(const psrpc::ClaimRequest& message) { return wrap_any(message); }
std::string wrap(const psrpc::ClaimResponse& message) { return wrap_any(message); }

template <typename Message>
std::optional<Message> unwrap(std::string_view envelope) {
    psrpc::Msg outer;
    if (!parse(outer, envelope) || outer.type_url() != type_url<Message>()) return {};
    Message message;
    if (!parse(message, outer.value())) return {};
    return message;
}
template std::optional<psrpc::Request> unwrap(std::string_view envelope);
template std::optional<psrpc::Response> unwrap(std::string_view envelope);
template std::optional<psrpc::ClaimRequest> unwrap(std::string_view envelope);
template std::optional<psrpc::ClaimResponse> unwrap(std::string_view envelope);

}  // namespace aircheck::control
