#include "storage/sigv4.hpp"

#include "net/crypto.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace aircheck::storage {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

/// Without blanks at the ends, and with one for each run of them.
std::string collapse_spaces(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool blank = c == ' ' || c == '\t';
        if (blank && (out.empty() || out.back() == ' ')) continue;
        out += blank ? ' ' : c;
    }
    if (out.ends_with(' ')) out.pop_back();
    return out;
}

struct CanonicalHeaders {
    std::string lines;
    std::string names;
};

CanonicalHeaders canonical_headers(const NamesAndValues& headers) {
    NamesAndValues sorted;
    for (const auto& [name, value] : headers)
        sorted.emplace_back(lower(name), collapse_spaces(value));
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
        return a.first < b.first;
    });
    CanonicalHeaders out;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (i > 0 && sorted[i].first == sorted[i - 1].first) {
            out.lines.back() = ',';  // several values of one name make one line
            out.lines += sorted[i].second + "\n";
            continue;
        }
        out.lines += sorted[i].first + ":" + sorted[i].second + "\n";
        if (!out.names.empty()) out.names += ';';
        out.names += sorted[i].first;
    }
    return out;
}

std::string hash_hex(std::string_view text) { return to_hex(net::sha256(as_bytes(text))); }

std::string scope_text(const SigV4Scope& scope, std::string_view date) {
    return std::string(date) + "/" + scope.region + "/" + scope.service + "/aws4_request";
}

std::string signature(
    const SigV4Request& request, const SigV4Keys& keys, const SigV4Scope& scope, WallTime time
) {
    const CanonicalHeaders headers = canonical_headers(request.headers);
    const std::string canonical = request.method + "\n" + request.path + "\n" +
                                  canonical_query(request.query) + "\n" + headers.lines + "\n" +
                                  headers.names + "\n" + request.payload_hash;
    const std::string moment = amz_date(time);
    const std::string date = moment.substr(0, 8);
    const std::string to_sign = std::string(kAlgorithm) + "\n" + moment + "\n" +
                                scope_text(scope, date) + "\n" + hash_hex(canonical);
    auto key = net::hmac_sha256(as_bytes("AWS4" + keys.secret), as_bytes(date));
    for (const std::string_view part :
         {std::string_view(scope.region),
          std::string_view(scope.service),
          std::string_view("aws4_request"),
          std::string_view(to_sign)}) {
        key = net::hmac_sha256(key, as_bytes(part));
    }
    return to_hex(key);
}

}  // namespace

std::string amz_date(WallTime time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto day = std::chrono::floor<std::chrono::days>(seconds);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(seconds - day);
    char text[48];
    std::snprintf(
        text,
        sizeof text,
        "%04d%02u%02uT%02d%02d%02dZ",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count())
    );
    return text;
}

std::string authorization_header(
    const SigV4Request& request, const SigV4Keys& keys, const SigV4Scope& scope, WallTime time
) {
    const std::string date = amz_date(time).substr(0, 8);
    return std::string(kAlgorithm) + " Credential=" + keys.access_key + "/" +
           scope_text(scope, date) + ", SignedHeaders=" + canonical_headers(request.headers).names +
           ", Signature=" + signature(request, keys, scope, time);
}

std::string presigned_query(
    SigV4Request request,
    const SigV4Keys& keys,
    const SigV4Scope& scope,
    WallTime time,
    std::chrono::seconds expires
) {
    const std::string moment = amz_date(time);
    request.query.emplace_back("X-Amz-Algorithm", kAlgorithm);
    request.query.emplace_back(
        "X-Amz-Credential", keys.access_key + "/" + scope_text(scope, moment.substr(0, 8))
    );
    request.query.emplace_back("X-Amz-Date", moment);
    request.query.emplace_back("X-Amz-Expires", std::to_string(expires.count()));
    request.query.emplace_back("X-Amz-SignedHeaders", canonical_headers(request.headers).names);
    if (!keys.session_token.empty()) {
        request.query.emplace_back("X-Amz-Security-Token", keys.session_token);
    }
    request.payload_hash = "UNSIGNED-PAYLOAD";
    return canonical_query(request.query) +
           "&X-Amz-Signature=" + signature(request, keys, scope, time);
}

}  // namespace aircheck::storage
