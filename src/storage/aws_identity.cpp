#include "storage/aws_identity.hpp"

#include "storage/aws_machine.hpp"
#include "storage/aws_sts.hpp"

#include <map>
#include <mutex>

namespace aircheck::storage {
namespace {

constexpr Nanoseconds kBeforeTheyEnd = std::chrono::minutes(5);

struct Cache {
    std::mutex mutex;
    std::map<std::string, AwsCredentials> entries;
};

Cache& cache() {
    static Cache all;
    return all;
}

/// What makes keys the same; with secrets in it, and never shown.
std::string name_of(const S3Destination& destination) {
    std::string name;
    for (const std::string& part :
         {destination.access_key,
          destination.secret,
          destination.session_token,
          destination.assume_role_arn,
          destination.assume_role_external_id,
          destination.sts_endpoint,
          destination.assume_role_arn.empty() ? std::string() : destination.endpoint,
          destination.assume_role_arn.empty() ? std::string() : destination.region}) {
        name += std::to_string(part.size()) + ":" + part;
    }
    return name;
}

Result<AwsCredentials> ask(const S3Destination& destination, net::HttpClient& http, WallTime now) {
    AwsCredentials own{{destination.access_key, destination.secret, destination.session_token}, {}};
    if (destination.access_key.empty()) {
        AC_TRY(own, machine_credentials(destination, http, now));
    }
    if (destination.assume_role_arn.empty()) return own;
    return assume_role(destination, own.keys, http, now);
}

}  // namespace

Result<AwsCredentials> aws_credentials(
    const S3Destination& destination, net::HttpClient& http, WallTime now
) {
    if (!destination.access_key.empty() && destination.assume_role_arn.empty()) {
        return AwsCredentials{
            {destination.access_key, destination.secret, destination.session_token}, {}};
    }
    const std::string name = name_of(destination);
    {
        const std::lock_guard lock(cache().mutex);
        const auto known = cache().entries.find(name);
        if (known != cache().entries.end() &&
            (!known->second.expires || now + kBeforeTheyEnd < *known->second.expires)) {
            return known->second;
        }
    }
    // Not under the lock: a remote that stalls holds up nobody else's keys.
    AC_TRY(auto fresh, ask(destination, http, now));
    const std::lock_guard lock(cache().mutex);
    std::erase_if(cache().entries, [&](const auto& entry) {
        return entry.second.expires && *entry.second.expires < now;
    });
    cache().entries.insert_or_assign(name, fresh);
    return fresh;
}

void forget_aws_credentials(const S3Destination& destination) {
    const std::lock_guard lock(cache().mutex);
    cache().entries.erase(name_of(destination));
}

}  // namespace aircheck::storage
