#pragma once

#include "tests/support/loopback.hpp"

#include "storage/destination.hpp"

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace aircheck::storage::testing {

/// An HTTP server that answers as a script says, for what a healthy store never does. Each reply is
/// used once, in order; a request beyond them is answered with 418.
class ScriptedStore {
public:
    struct Reply {
        int status = 200;
        std::string body;
        std::string headers;  ///< Whole lines, each with its "\r\n".
        enum class Delivery { Answer, HangUp } delivery = Delivery::Answer;
    };
    struct Request {
        std::string line;     ///< "PUT /bucket/key?partNumber=2 HTTP/1.1"
        std::string headers;  ///< As sent, in lower case.
        std::string body;
    };

    explicit ScriptedStore(std::vector<Reply> script);
    ~ScriptedStore();
    ScriptedStore(const ScriptedStore&) = delete;
    ScriptedStore& operator=(const ScriptedStore&) = delete;

    [[nodiscard]] S3Destination destination() const;
    /// The same as a container "bucket" of an account "account".
    [[nodiscard]] AzureDestination azure_destination() const;
    [[nodiscard]] std::string endpoint() const;
    /// What came so far: "PUT /bucket/key?partNumber=2", one for each request.
    [[nodiscard]] std::vector<std::string> lines() const;
    [[nodiscard]] std::vector<Request> requests() const;

private:
    void serve();
    void serve_connection(int descriptor);
    [[nodiscard]] Reply next(Request request);

    std::vector<Reply> script_;
    tests::LoopbackSocket listener_;
    mutable std::mutex mutex_;
    std::vector<Request> requests_;
    std::thread thread_;
};

}  // namespace aircheck::storage::testing
