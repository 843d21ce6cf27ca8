#pragma once

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace aircheck::tests {

/// An RSA key of nobody as PEM (PKCS #8), made by OpenSSL's own program, once a process.
inline const std::string& rsa_private_key() {
    static const std::string pem = [] {
        struct Close {
            void operator()(FILE* pipe) const { ::pclose(pipe); }
        };
        const std::unique_ptr<FILE, Close> pipe(
            ::popen("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null", "r")
        );
        std::string text;
        char buffer[4096];
        while (pipe && std::fgets(buffer, sizeof buffer, pipe.get()) != nullptr) text += buffer;
        if (text.empty()) throw std::runtime_error("openssl makes no key: tools/bootstrap peers");
        return text;
    }();
    return pem;
}

/// The same as Google's console hands it out, on one line of JSON.
inline std::string gcs_credentials(const std::string& token_uri) {
    std::string escaped;
    for (const char c : rsa_private_key()) escaped += c == '\n' ? "\\n" : std::string(1, c);
    return R"({"type":"service_account","client_email":"ours@project.iam.gserviceaccount.com",)"
           R"("private_key_id":"k1","private_key":")" +
           escaped + R"(","token_uri":")" + token_uri + "\"}";
}

}  // namespace aircheck::tests
