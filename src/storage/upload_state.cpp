#include "storage/upload_state.hpp"

#include "net/url.hpp"

#include <sstream>

namespace aircheck::storage {
namespace {

constexpr const char* kTitle = "aircheck-upload-1";
constexpr int kMaxParts = 10'000;
/// S3's own limit (Azure's is 4000 MiB); a part is read into memory to be known again, and ">>"
/// takes "-1" for 2^64-1.
constexpr std::uint64_t kMaxPartBytes = 5ULL << 30;

}  // namespace

std::string UploadState::to_text() const {
    std::ostringstream out;
    // Encoded, so that no name or id can hold a line's end.
    out << kTitle << '\n'
        << net::percent_encode(key) << '\n'
        << net::percent_encode(upload_id) << '\n';
    for (const Sent& sent : parts) {
        out << sent.part.number << ' ' << sent.part.size << ' ' << sent.crc32c << ' '
            << net::percent_encode(sent.part.etag) << '\n';
    }
    return out.str();
}

std::optional<UploadState> UploadState::from_text(const std::string& text) {
    std::istringstream in(text);
    UploadState state;
    std::string title, key, upload_id, etag;
    if (!(in >> title >> key >> upload_id) || title != kTitle) return {};
    state.key = net::percent_decode(key);
    state.upload_id = net::percent_decode(upload_id);
    Sent sent;
    while (in >> sent.part.number >> sent.part.size >> sent.crc32c >> etag) {
        const auto expected = static_cast<int>(state.parts.size()) + 2;
        if (sent.part.number != expected || expected > kMaxParts) return {};
        if (sent.part.size == 0 || sent.part.size > kMaxPartBytes) return {};
        sent.part.etag = net::percent_decode(etag);
        state.parts.push_back(sent);
    }
    if (!in.eof()) return {};
    return state;
}

}  // namespace aircheck::storage
