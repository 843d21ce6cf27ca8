#include "storage/aws_machine.hpp"

#include "core/foreign_text.hpp"
#include "storage/aws_sts.hpp"
#include "storage/store_http.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

namespace aircheck::storage {
namespace {

using nlohmann::json;
/// One source's keys; empty where this machine has no such source.
using Found = Result<std::optional<AwsCredentials>>;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string trimmed(const std::string& text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// Empty where there is no such file; at most a megabyte of it.
std::string content_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string text(1 << 20, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return text;
}

Found of_environment() {
    AwsCredentials found;
    found.keys = {
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
        variable("AWS_SESSION_TOKEN")};
    if (found.keys.access_key.empty() || found.keys.secret.empty()) return std::nullopt;
    return found;
}

/// Of a pod or a CI job: the token in the file is changed from time to time.
Found of_web_identity(const S3Destination& destination, net::HttpClient& http, WallTime now) {
    const std::string file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    const std::string role = variable("AWS_ROLE_ARN");
    if (file.empty() || role.empty()) return std::nullopt;
    const std::string token = trimmed(content_of(file));
    if (token.empty()) {
        return fail(
            Errc::InvalidArgument,
            "S3: no token in " + first_words(file) + " (AWS_WEB_IDENTITY_TOKEN_FILE)"
        );
    }
    std::string session = variable("AWS_ROLE_SESSION_NAME");
    if (session.empty()) session = "aircheck";
    AC_TRY(auto found, assume_role_with_web_identity(destination, role, session, token, http, now));
    return found;
}

/// Sections of an INI file: names to keys and values.
using Profiles = std::map<std::string, std::map<std::string, std::string>>;

void read_profiles(const std::string& path, Profiles& profiles) {
    std::istringstream lines(content_of(path));
    std::string section;
    for (std::string line; std::getline(lines, line);) {
        line = trimmed(line);
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[' && line.back() == ']') {
            section = trimmed(line.substr(1, line.size() - 2));
            if (section.starts_with("profile ")) section = trimmed(section.substr(8));
            continue;
        }
        const auto equals = line.find('=');
        if (equals == std::string::npos || section.empty()) continue;
        profiles[section].emplace(
            trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1))
        );
    }
}

Found of_profiles(const S3Destination& destination, net::HttpClient& http, WallTime now) {
    const std::string folder = variable("HOME") + "/.aws/";
    const std::string credentials = variable("AWS_SHARED_CREDENTIALS_FILE");
    const std::string settings = variable("AWS_CONFIG_FILE");
    Profiles profiles;
    read_profiles(credentials.empty() ? folder + "credentials" : credentials, profiles);
    read_profiles(settings.empty() ? folder + "config" : settings, profiles);
    const std::string asked = variable("AWS_PROFILE");
    const std::string name = asked.empty() ? "default" : asked;
    if (!profiles.contains(name)) {
        if (asked.empty()) return std::nullopt;
        return fail(
            Errc::InvalidArgument, "S3: there is no profile " + first_words(name) + " (AWS_PROFILE)"
        );
    }
    auto& profile = profiles[name];
    const std::string role = profile["role_arn"];
    const std::string source = profile["source_profile"];
    auto& keys_of = role.empty() || source.empty() ? profile : profiles[source];
    AwsCredentials found;
    found.keys = {
        keys_of["aws_access_key_id"],
        keys_of["aws_secret_access_key"],
        keys_of["aws_session_token"]};
    if (found.keys.access_key.empty() || found.keys.secret.empty()) {
        if (asked.empty()) return std::nullopt;
        return fail(
            Errc::InvalidArgument,
            "S3: the profile " + first_words(name) +
                " has no aws_access_key_id and aws_secret_access_key (AWS_PROFILE)"
        );
    }
    if (role.empty()) return found;
    S3Destination assuming = destination;
    assuming.assume_role_arn = role;
    assuming.assume_role_external_id = profile["external_id"];
    AC_TRY(found, assume_role(assuming, found.keys, http, now));
    return found;
}

/// What containers and instances answer.
Result<AwsCredentials> credentials_in(const net::HttpResponse& response, const std::string& where) {
    const json answer = json::parse(response.body, nullptr, false);
    const auto text = [&](const char* name) {
        const bool there = answer.is_object() && answer.contains(name) && answer[name].is_string();
        return there ? answer[name].get<std::string>() : std::string();
    };
    AwsCredentials found;
    found.keys = {text("AccessKeyId"), text("SecretAccessKey"), text("Token")};
    const auto expires = parse_iso8601(text("Expiration"));
    if (response.status != 200 || found.keys.access_key.empty() || !expires) {
        return fail(
            Errc::Unavailable, where + ": HTTP " + std::to_string(response.status) + " and no keys"
        );
    }
    found.expires = *expires;
    return found;
}

Found of_container(net::HttpClient& http) {
    const std::string relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.empty() && full.empty()) return std::nullopt;
    net::HttpRequest request;
    request.url = relative.empty() ? full : "http://169.254.170.2" + relative;
    request.timeout = 10s;
    const std::string file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const std::string token =
        file.empty() ? variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") : trimmed(content_of(file));
    if (!token.empty() && is_header_value(token)) request.headers.set("Authorization", token);
    const std::string where = "S3: the container's keys (AWS_CONTAINER_CREDENTIALS_…)";
    const auto response = http.send(request);
    if (!response) return tl::unexpected(in_context(where, response.error()));
    AC_TRY(auto found, credentials_in(*response, where));
    return found;
}

Found of_instance(net::HttpClient& http) {
    if (variable("AWS_EC2_METADATA_DISABLED") == "true") return std::nullopt;
    std::string base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (base.empty()) base = "http://169.254.169.254";
    while (base.ends_with('/')) base.pop_back();
    net::HttpRequest request;
    // Elsewhere than on EC2 nobody answers there: soon said.
    request.connect_timeout = 1s;
    request.timeout = 5s;
    request.method = "PUT";
    request.url = base + "/latest/api/token";
    request.headers.set("X-aws-ec2-metadata-token-ttl-seconds", "21600");
    const auto token = http.send(request);
    if (!token || token->status != 200 || !is_header_value(token->body)) return std::nullopt;
    request.method = "GET";
    request.headers = {{"X-aws-ec2-metadata-token", token->body}};
    request.url = base + "/latest/meta-data/iam/security-credentials/";
    const std::string where = "S3: the instance's keys (169.254.169.254)";
    const auto role = http.send(request);
    if (!role) return tl::unexpected(in_context(where, role.error()));
    const std::string name = trimmed(role->body.substr(0, role->body.find('\n')));
    if (role->status != 200 || name.empty()) return std::nullopt;  // An instance without a role.
    request.url += name;
    const auto response = http.send(request);
    if (!response) return tl::unexpected(in_context(where, response.error()));
    AC_TRY(auto found, credentials_in(*response, where));
    return found;
}

}  // namespace

Result<AwsCredentials> machine_credentials(
    const S3Destination& destination, net::HttpClient& http, WallTime now
) {
    const std::function<Found()> sources[] = {
        of_environment,
        [&] { return of_web_identity(destination, http, now); },
        [&] { return of_profiles(destination, http, now); },
        [&] { return of_container(http); },
        [&] { return of_instance(http); }};
    for (const auto& source : sources) {
        AC_TRY(auto found, source());
        if (found) return *std::move(found);
    }
    return fail(
        Errc::InvalidArgument,
        "S3: bucket \"" + destination.bucket +
            "\" has no credentials (access_key, secret), and this machine has none: no AWS_… "
            "variables, no web identity, no profile, no container's or instance's role"
    );
}

}  // namespace aircheck::storage
