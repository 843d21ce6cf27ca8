// layers: storage
// A status byte, then what a store answers: what its XML says is read within bounds, and text that
// is escaped comes back as it was.

#include "core/bytes.hpp"
#include "storage/http_date.hpp"
#include "storage/s3_error.hpp"
#include "storage/s3_xml.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

using namespace aircheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    net::HttpResponse response;
    response.status = 200 + data[0] * 2;
    response.body = as_text(BytesView(data + 1, size - 1));
    const std::string& body = response.body;

    for (const char* name : {"Code", "Key", "UploadId", "ETag"}) {
        const auto first = storage::xml_text(body, name);
        const auto all = storage::xml_texts(body, name);
        if (first.has_value() == all.empty() || (first && all.front() != *first)) std::abort();
        std::size_t bytes = 0;
        for (const std::string& text : all) bytes += text.size();
        if (bytes > body.size()) std::abort();
    }
    const std::string wrapped = "<a><Key>" + storage::xml_escape(body) + "</Key></a>";
    if (storage::xml_text(wrapped, "Key") != body) std::abort();

    static_cast<void>(storage::parse_http_date(body));
    response.headers.set("Date", body.substr(0, 64));
    const auto failure = storage::failure_of(response);
    if (!failure) return 0;
    if (failure->code.empty()) std::abort();
    storage::S3Destination destination;
    destination.bucket = "calls";
    const Error error = storage::explain(*failure, destination, "store a.mp4", "s3:PutObject");
    if (!error.code || error.context.empty()) std::abort();
    return 0;
}
