#include "proto/json.hpp"
#include "proto/walk.hpp"

#include <google/protobuf/unknown_field_set.h>

namespace aircheck::proto {
namespace {

using google::protobuf::FieldDescriptor;

constexpr std::size_t kMost = 64;

void note(std::vector<std::string>& found, const std::string& path, const std::string& what) {
    if (found.size() < kMost) found.push_back(path.empty() ? what : path + what);
}

}  // namespace

std::vector<std::string> unknown_fields(const Message& message) {
    std::vector<std::string> found;
    for_each_message(message, {}, [&](const Message& part, const std::string& path) {
        const auto& unknown = part.GetReflection()->GetUnknownFields(part);
        for (int i = 0; i < unknown.field_count() && found.size() < kMost; ++i) {
            const std::string field = "field " + std::to_string(unknown.field(i).number());
            note(found, path, path.empty() ? field : ": " + field);
        }
    });
    return found;
}

std::vector<std::string> unknown_enum_values(const Message& message) {
    std::vector<std::string> found;
    for_each_message(message, {}, [&](const Message& part, const std::string& path) {
        const auto& r = *part.GetReflection();
        const auto& type = *part.GetDescriptor();
        for (int i = 0; i < type.field_count(); ++i) {
            const FieldDescriptor& field = *type.field(i);
            if (field.cpp_type() != FieldDescriptor::CPPTYPE_ENUM) continue;
            const int count = field.is_repeated() ? r.FieldSize(part, &field) : 1;
            for (int k = 0; k < count; ++k) {
                const int number = field.is_repeated() ? r.GetRepeatedEnumValue(part, &field, k)
                                                       : r.GetEnumValue(part, &field);
                if (field.enum_type()->FindValueByNumber(number) != nullptr) continue;
                const std::string what = field.name() + ": " + std::to_string(number);
                note(found, path, path.empty() ? what : "." + what);
            }
        }
    });
    return found;
}

}  // namespace aircheck::proto
