// layers: journal
// A segment of any bytes through the reader: it ends, accounts for every byte, and every record
// that it believes can be written again.

#include "journal/reader.hpp"

#include <cstdlib>

using namespace aircheck;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static_cast<void>(journal::decode_record(BytesView(data, size)));
    auto reader = journal::Reader::from_bytes(Bytes(data, data + size));
    if (!reader) return 0;
    Bytes written;
    while (true) {
        const auto record = reader->next();
        require(record.has_value());
        if (!*record) break;
        written.clear();
        // A body longer than its fields is written shorter; longer never.
        require(journal::encode(**record, written).has_value());
        require(written.size() <= size);
        require(journal::decode_record(written).status == journal::DecodedRecord::Status::Record);
    }
    const auto& counted = reader->counters();
    require(counted.torn_bytes + counted.damaged_bytes <= size);
    return 0;
}
