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

/// How a store of any kind is reached.
struct StoreNetwork {
    std::string proxy;    ///< "http://user:password@host:port", or none.
    std::string ca_file;  ///< Extra trust anchors (PEM).
    /// As net::HttpRequest::Reach, for an endpoint or a proxy that came in a request: PublicOnly
    /// reaches loopback and private addresses only where `allow` lists them, PublicAndPrivate
    /// always; neither reaches link-local ones. The numbers are kept on disk.
    enum class Reach { Any, PublicOnly, PublicAndPrivate } reach = Reach::Any;
    std::vector<std::string> allow;  ///< `network.allow`, as net::HttpRequest::allow has it.
    RetryPolicy retry;
};

/// A bucket of S3 or of a store that speaks its protocol (MinIO, R2 …).
struct S3Destination : StoreNetwork {
    std::string bucket;
    std::string region;  ///< Empty: "us-east-1", corrected by what the store answers.
    std::string
        endpoint;  ///< "https://minio.example:9000"; a bare host means https. Empty: AWS's own.
    std::string access_key;     ///< Empty, with the secret: the machine's own (aws_identity.hpp).
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

    /// A role that is assumed with the keys above (STS); none when empty.
    std::string assume_role_arn;
    std::string assume_role_external_id;  ///< As its trust policy asks for; never logged.
    std::string sts_endpoint;  ///< Empty: AWS's own of the region, or `endpoint` where that is
                               ///< another store's (MinIO's is its STS, too).

    std::string encryption;     ///< At rest: "", "AES256", "aws:kms" or "aws:kms:dsse".
    std::string kms_key_id;     ///< With aws:kms: a key's id or ARN; empty: AWS's own.
    std::string customer_key;   ///< Base64 of 32 bytes (SSE-C). A secret; signs no links.
    std::string storage_class;  ///< "STANDARD_IA" …; empty: the bucket's.
    std::string lock_mode;      ///< Object Lock: "GOVERNANCE" or "COMPLIANCE", for `lock_days`.
    int lock_days = 0;
    enum class LegalHold { Off, On } legal_hold = LegalHold::Off;
};

/// A container of Azure Blob Storage. One of `account_key` and `sas_token` is set.
struct AzureDestination : StoreNetwork {
    std::string account;
    std::string container;
    /// The account's blob service: "https://account.blob.core.windows.net", or with the account in
    /// its path, as Azurite has it. Empty: Azure's own.
    std::string endpoint;
    std::string account_key;  ///< Base64. Never logged, never in an error.
    std::string sas_token;    ///< "sv=…&sig=…", a secret; signs no links.

    std::string prefix;  ///< A folder put before every name: "calls" or "calls/".
    std::string content_disposition = "inline";
    std::map<std::string, std::string> metadata;  ///< Names as C# has them: letters, digits, "_".
};

/// A bucket of Google Cloud Storage.
struct GcsDestination : StoreNetwork {
    std::string bucket;
    /// A service account's key (JSON). Never logged, never in an error. Empty: the machine's own
    /// account, asked of its metadata server; it signs no links.
    std::string credentials;
    std::string endpoint;  ///< Empty: "https://storage.googleapis.com".
    std::string metadata_host = "metadata.google.internal";

    std::string prefix;  ///< A folder put before every name: "calls" or "calls/".
    std::string content_disposition = "inline";
    std::map<std::string, std::string> metadata;
};

/// Where outputs go.
using Destination = std::variant<LocalDestination, S3Destination, AzureDestination, GcsDestination>;

/// What all stores have that are reached over a network; null for local folders.
[[nodiscard]] StoreNetwork* network_of(Destination& destination);

/// The folder that is put before every key; empty for none, and for local folders.
[[nodiscard]] std::string prefix_of(const Destination& destination);

/// For logs and errors: "s3://bucket/prefix", "azure://account/container/prefix",
/// "gs://bucket/prefix" or "/folder"; no credentials.
[[nodiscard]] std::string describe(const Destination& destination);

}  // namespace aircheck::storage
