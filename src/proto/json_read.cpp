#include "core/bytes.hpp"
#include "proto/json.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace aircheck::proto {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;
using Json = nlohmann::json;

constexpr std::size_t kMaxLeftovers = 64;

/// A whole number in a JSON number or string, held against T's range.
template <typename T>
std::optional<T> whole_number(const Json& json) {
    if (json.is_number_unsigned()) {
        const auto value = json.get<std::uint64_t>();
        if (!std::in_range<T>(value)) return std::nullopt;
        return static_cast<T>(value);
    }
    if (json.is_number_integer()) {
        const auto value = json.get<std::int64_t>();
        if (!std::in_range<T>(value)) return std::nullopt;
        return static_cast<T>(value);
    }
    if (json.is_number_float()) {  // "1e3" and "5.0" are whole numbers too.
        constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53
        const double value = json.get<double>();
        if (std::trunc(value) != value || std::abs(value) > kExact) return std::nullopt;
        const auto whole = static_cast<std::int64_t>(value);
        if (!std::in_range<T>(whole)) return std::nullopt;
        return static_cast<T>(whole);
    }
    if (!json.is_string()) return std::nullopt;
    const auto& digits = json.get_ref<const std::string&>();
    T value{};
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

std::optional<double> real_number(const Json& json) {
    if (json.is_number()) return json.get<double>();
    if (!json.is_string()) return std::nullopt;
    const auto& digits = json.get_ref<const std::string&>();
    double value = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value);
    if (digits.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

class Reader {
public:
    explicit Reader(JsonLeftovers* leftovers) : leftovers_(leftovers) {}

    Result<> read(const Json& json, Message& message, const std::string& path);

private:
    Result<> field(
        const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
    );
    Result<> list(
        const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
    );
    Result<> map(
        const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
    );
    /// Sets a singular field, or adds to a list.
    Result<> value(
        const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
    );
    Result<> text(
        const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
    );
    Result<> enumerator(
        const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
    );

    JsonLeftovers* leftovers_;
};

tl::unexpected<Error> expected(const std::string& path, std::string_view what) {
    return fail(Errc::Malformed, path + ": expected " + std::string(what));
}

std::string joined(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
}

Result<> Reader::read(const Json& json, Message& message, const std::string& path) {
    if (!json.is_object()) {
        return path.empty() ? fail(Errc::Malformed, "the body is no JSON object")
                            : expected(path, "an object");
    }
    const auto& type = *message.GetDescriptor();
    const Reflection& r = *message.GetReflection();
    for (const auto& [name, member] : json.items()) {
        const FieldDescriptor* known = type.FindFieldByName(name);
        for (int i = 0; known == nullptr && i < type.field_count(); ++i) {
            if (type.field(i)->json_name() == name) known = type.field(i);
        }
        if (known == nullptr) {
            if (leftovers_ != nullptr && leftovers_->unknown_fields.size() < kMaxLeftovers) {
                leftovers_->unknown_fields.push_back(joined(path, name));
            }
            continue;
        }
        if (member.is_null()) continue;
        const std::string where = joined(path, known->name());
        const bool is_given =
            known->is_repeated() ? r.FieldSize(message, known) > 0 : r.HasField(message, known);
        if (is_given) return fail(Errc::Malformed, where + ": given twice");
        if (const auto* choice = known->containing_oneof()) {
            if (const auto* other = r.GetOneofFieldDescriptor(message, choice)) {
                return fail(
                    Errc::Malformed,
                    where + ": only one of it and " + other->name() + " may be given"
                );
            }
        }
        AC_CHECK_OK(field(member, message, *known, where));
    }
    return {};
}

Result<> Reader::field(
    const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
) {
    if (field.is_map()) return map(json, message, field, path);
    if (field.is_repeated()) return list(json, message, field, path);
    return value(json, message, field, path);
}

Result<> Reader::list(
    const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
) {
    if (!json.is_array()) return expected(path, "a list");
    std::size_t index = 0;
    for (const Json& item : json) {
        AC_CHECK_OK(value(item, message, field, path + "[" + std::to_string(index++) + "]"));
    }
    return {};
}

Result<> Reader::map(
    const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
) {
    if (!json.is_object()) return expected(path, "an object");
    for (const auto& [key, item] : json.items()) {
        Message& entry = *message.GetReflection()->AddMessage(&message, &field);
        const auto& type = *entry.GetDescriptor();
        const std::string where = path + "[\"" + key + "\"]";
        AC_CHECK_OK(value(Json(key), entry, *type.map_key(), where));
        AC_CHECK_OK(value(item, entry, *type.map_value(), where));
    }
    return {};
}

Result<> Reader::value(
    const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
) {
    const Reflection& r = *message.GetReflection();
    const bool many = field.is_repeated();
    switch (field.cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32: {
            const auto number = whole_number<std::int32_t>(json);
            if (!number) return expected(path, "a 32-bit whole number");
            many ? r.AddInt32(&message, &field, *number) : r.SetInt32(&message, &field, *number);
            return {};
        }
        case FieldDescriptor::CPPTYPE_UINT32: {
            const auto number = whole_number<std::uint32_t>(json);
            if (!number) return expected(path, "a whole number from 0 to 4294967295");
            many ? r.AddUInt32(&message, &field, *number) : r.SetUInt32(&message, &field, *number);
            return {};
        }
        case FieldDescriptor::CPPTYPE_INT64: {
            const auto number = whole_number<std::int64_t>(json);
            if (!number) return expected(path, "a 64-bit whole number");
            many ? r.AddInt64(&message, &field, *number) : r.SetInt64(&message, &field, *number);
            return {};
        }
        case FieldDescriptor::CPPTYPE_UINT64: {
            const auto number = whole_number<std::uint64_t>(json);
            if (!number) return expected(path, "a 64-bit whole number, not negative");
            many ? r.AddUInt64(&message, &field, *number) : r.SetUInt64(&message, &field, *number);
            return {};
        }
        case FieldDescriptor::CPPTYPE_DOUBLE: {
            const auto number = real_number(json);
            if (!number) return expected(path, "a number");
            many ? r.AddDouble(&message, &field, *number) : r.SetDouble(&message, &field, *number);
            return {};
        }
        case FieldDescriptor::CPPTYPE_FLOAT: {
            const auto number = real_number(json);
            if (!number || std::abs(*number) > std::numeric_limits<float>::max()) {
                return expected(path, "a number");
            }
            const auto single = static_cast<float>(*number);
            many ? r.AddFloat(&message, &field, single) : r.SetFloat(&message, &field, single);
            return {};
        }
        case FieldDescriptor::CPPTYPE_BOOL: {
            if (!json.is_boolean()) return expected(path, "true or false");
            const bool flag = json.get<bool>();
            many ? r.AddBool(&message, &field, flag) : r.SetBool(&message, &field, flag);
            return {};
        }
        case FieldDescriptor::CPPTYPE_ENUM:
            return enumerator(json, message, field, path);
        case FieldDescriptor::CPPTYPE_STRING:
            return text(json, message, field, path);
        case FieldDescriptor::CPPTYPE_MESSAGE:
            return read(
                json,
                many ? *r.AddMessage(&message, &field) : *r.MutableMessage(&message, &field),
                path
            );
    }
    return expected(path, "another type");
}

Result<> Reader::text(
    const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
) {
    if (!json.is_string()) return expected(path, "a string");
    std::string text = json.get<std::string>();
    if (field.type() == FieldDescriptor::TYPE_BYTES) {
        const auto bytes = from_base64(text);
        if (!bytes) return expected(path, "base64");
        text = as_text(*bytes);
    }
    const Reflection& r = *message.GetReflection();
    if (field.is_repeated())
        r.AddString(&message, &field, std::move(text));
    else
        r.SetString(&message, &field, std::move(text));
    return {};
}

Result<> Reader::enumerator(
    const Json& json, Message& message, const FieldDescriptor& field, const std::string& path
) {
    int number = 0;
    if (json.is_string()) {
        const auto& name = json.get_ref<const std::string&>();
        const auto* value = field.enum_type()->FindValueByName(name);
        if (value == nullptr) {
            return fail(
                Errc::Malformed,
                path + ": \"" + name.substr(0, 64) + "\" is no " + field.enum_type()->name()
            );
        }
        number = value->number();
    } else {
        const auto given = whole_number<std::int32_t>(json);
        if (!given) return expected(path, "a name or a number of " + field.enum_type()->name());
        number = *given;
    }
    const Reflection& r = *message.GetReflection();
    if (field.is_repeated())
        r.AddEnumValue(&message, &field, number);
    else
        r.SetEnumValue(&message, &field, number);
    return {};
}

}  // namespace

Result<> from_json(std::string_view text, Message& message, JsonLeftovers* leftovers) {
    message.Clear();
    // Without exceptions a broken text gives a "discarded" value, and no reason.
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return fail(Errc::Malformed, "the body is no JSON");
    return Reader(leftovers).read(json, message, {});
}

}  // namespace aircheck::proto
