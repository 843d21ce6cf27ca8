#pragma once

#include <functional>
#include <memory>
#include <string>

namespace aircheck::net {

class Loop;

/// Tells when this machine gets or loses an address that can be used: one added or deleted, or its
/// interface up or down (Linux: rtnetlink).
///
/// All watches of one loop share one socket. Where the system does not tell, nothing is told: then
/// a loss is noticed by what is not answered. Lives on the loop's thread; may be destroyed in its
/// handler.
class AddressWatch {
public:
    enum class Change { Gained, Lost };
    using Handler = std::function<void(const std::string& address, Change change)>;

    AddressWatch(Loop& loop, Handler handler);
    ~AddressWatch();
    AddressWatch(const AddressWatch&) = delete;
    AddressWatch& operator=(const AddressWatch&) = delete;

private:
    struct Source;
    std::shared_ptr<Source> source_;
    std::shared_ptr<Handler> handler_;
};

}  // namespace aircheck::net
