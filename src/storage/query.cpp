#include "storage/query.hpp"

#include "net/url.hpp"

#include <algorithm>

namespace aircheck::storage {

std::string canonical_query(const NamesAndValues& query) {
    NamesAndValues encoded;
    for (const auto& [name, value] : query) {
        encoded.emplace_back(net::percent_encode(name), net::percent_encode(value));
    }
    std::sort(encoded.begin(), encoded.end());
    std::string out;
    for (const auto& [name, value] : encoded) {
        if (!out.empty()) out += '&';
        out += name + "=" + value;
    }
    return out;
}

}  // namespace aircheck::storage
