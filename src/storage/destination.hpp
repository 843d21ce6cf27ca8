#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace aircheck::storage {

/// A folder of this machine.
struct LocalDestination {
    std::string
        root;  ///< Keys are paths below it; made when missing. Nothing is ever written outside.
};

/// How often and how patiently one request is tried again (5xx, 429, 409, connection errors). The
/// defaults are livekit/egress's.
struct RetryPolicy {
    int max_retries = 5;
    std::chrono::milliseconds min_delay{100};
    std::chrono::milliseconds max_delay{5'000};
};

/// A bucket of S3 or of a store that speaks its protocol (MinIO, R2 …).
struct S3Destination {
    std::string bucket;
    std::string region;  ///< Empty: "us-east-1", corrected by what the store answers.
    std::string
        endpoint;  ///< "https://minio.example:9000"; a bare host means https. Empty: AWS's own.
    std::string access_key;
    std::string secret;         ///< Never logged, never in an error.
    std::string session_token;  ///< With temporary credentials.

    enum class Addressing {
        Auto,  ///< Path style for custom endpoints and for buckets with a dot; else virtual hosts.
        Path,  ///< https://host/bucket/key
        Virtual,  ///< https://bucket.host/key
    } addressing = Addressing::Auto;
    enum class Parts {
        Auto,     ///< Equal on R2, growing elsewhere.
        Growing,  ///< Sent while the recording runs, the first one last.
        Equal,  ///< For stores that want all parts but the last of one size: sent when the size is
                ///< known.
    } parts = Parts::Auto;

    std::string prefix;  ///< A folder put before every key: "calls" or "calls/".
    std::string content_disposition = "inline";
    std::map<std::string, std::string> metadata;  ///< Sent as x-amz-meta-…; ASCII, 2 KB in all.
    std::string tagging;                          ///< "a=1&b=2", as x-amz-tagging.
    std::string proxy;                            ///< "http://user:password@host:port", or none.
    std::string ca_file;                          ///< Extra trust anchors (PEM).
    /// As net::HttpRequest::Reach, for an endpoint or a proxy that came in a request: PublicOnly
    /// reaches loopback and private addresses only where `allow` lists them, PublicAndPrivate
    /// always; neither reaches link-local ones. The numbers are kept on disk.
    enum class Reach { Any, PublicOnly, PublicAndPrivate } reach = Reach::Any;
    std::vector<std::string> allow;  ///< `network.allow`, as net::HttpRequest::allow has it.
    RetryPolicy retry;
};

/// Where outputs go. Google Cloud Storage and Azure Blob will be further alternatives.
using Destination = std::variant<LocalDestination, S3Destination>;

/// For logs and errors: "s3://bucket/prefix" or "/folder"; no credentials.
[[nodiscard]] std::string describe(const Destination& destination);

}  // namespace aircheck::storage
