#include "proto/json.hpp"

#include "core/bytes.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>
#include <nlohmann/json.hpp>

namespace aircheck::proto {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

enum class Style { Twirp, Webhook };

Json write_message(const Message& message, Style style);

Json enum_json(const FieldDescriptor& field, int number) {
    const auto* value = field.enum_type()->FindValueByNumber(number);
    return value == nullptr ? Json(number) : Json(value->name());
}

/// The value of a singular field (`index` < 0) or of one entry of a list.
Json value_json(const Message& message, const FieldDescriptor& field, int index, Style style) {
    const Reflection& r = *message.GetReflection();
    const bool one = index < 0;
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
            return one ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, index);
        case FieldDescriptor::CPPTYPE_UINT32:
            return one ? r.GetUInt32(message, &field) : r.GetRepeatedUInt32(message, &field, index);
        case FieldDescriptor::CPPTYPE_INT64:
            return std::to_string(
                one ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index)
            );
        case FieldDescriptor::CPPTYPE_UINT64:
            return std::to_string(
                one ? r.GetUInt64(message, &field) : r.GetRepeatedUInt64(message, &field, index)
            );
        case FieldDescriptor::CPPTYPE_DOUBLE:
            return one ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, index);
        case FieldDescriptor::CPPTYPE_FLOAT:
            return one ? r.GetFloat(message, &field) : r.GetRepeatedFloat(message, &field, index);
        case FieldDescriptor::CPPTYPE_BOOL:
            return one ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index);
        case FieldDescriptor::CPPTYPE_ENUM:
            return enum_json(
                field,
                one ? r.GetEnumValue(message, &field)
                    : r.GetRepeatedEnumValue(message, &field, index)
            );
        case FieldDescriptor::CPPTYPE_STRING: {
            std::string text =
                one ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
            if (field.type() == FieldDescriptor::TYPE_BYTES) return to_base64(as_bytes(text));
            return text;
        }
        case FieldDescriptor::CPPTYPE_MESSAGE:
            return write_message(
                one ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index),
                style
            );
    }
    return nullptr;
}

/// A map's keys in order, so that the same message is always the same text.
Json map_json(const Message& message, const FieldDescriptor& field, Style style) {
    const Reflection& r = *message.GetReflection();
    std::map<std::string, Json> sorted;
    for (int i = 0; i < r.FieldSize(message, &field); ++i) {
        const Message& entry = r.GetRepeatedMessage(message, &field, i);
        const auto& type = *entry.GetDescriptor();
        const Json key = value_json(entry, *type.map_key(), -1, style);
        sorted[key.is_string() ? key.get<std::string>() : key.dump()] =
            value_json(entry, *type.map_value(), -1, style);
    }
    Json object = Json::object();
    for (auto& [key, value] : sorted) object[key] = std::move(value);
    return object;
}

Json list_json(const Message& message, const FieldDescriptor& field, Style style) {
    if (field.is_map()) return map_json(message, field, style);
    Json list = Json::array();
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
        list.push_back(value_json(message, field, i, style));
    }
    return list;
}

Json write_message(const Message& message, Style style) {
    const Reflection& r = *message.GetReflection();
    const auto& type = *message.GetDescriptor();
    const bool all = style == Style::Twirp;
    Json object = Json::object();
    for (int i = 0; i < type.field_count(); ++i) {
        const FieldDescriptor& field = *type.field(i);
        const std::string& name = all ? field.name() : field.json_name();
        if (field.is_repeated()) {
            if (all || r.FieldSize(message, &field) > 0) {
                object[name] = list_json(message, field, style);
            }
        } else if (r.HasField(message, &field)) {
            object[name] = value_json(message, field, -1, style);
        } else if (all && field.containing_oneof() == nullptr) {
            const bool is_message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
            object[name] = is_message ? Json(nullptr) : value_json(message, field, -1, style);
        }
    }
    return object;
}

/// Text in a message may be broken UTF-8 when our own code put it there: replaced, never thrown
/// about.
std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string to_twirp_json(const Message& message) {
    return dump(write_message(message, Style::Twirp));
}

std::string to_webhook_json(const Message& message) {
    return dump(write_message(message, Style::Webhook));
}

}  // namespace aircheck::proto
