#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>

/// Inside the layer only.
namespace aircheck::proto {

/// Calls `visit(message, path)` for `message` and every message within it, outermost first. Paths
/// read "file_outputs[0].s3"; the outermost is "". Depth is bounded: our messages do not contain
/// themselves.
template <typename MessageType, typename Visit>
void for_each_message(MessageType& message, const std::string& path, Visit&& visit) {
    using google::protobuf::FieldDescriptor;
    visit(message, path);
    const auto& r = *message.GetReflection();
    const auto& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
        const FieldDescriptor& field = *type.field(i);
        if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field.is_map()) continue;
        const std::string name = path.empty() ? field.name() : path + "." + field.name();
        constexpr bool kMutable = !std::is_const_v<MessageType>;
        if (field.is_repeated()) {
            for (int k = 0; k < r.FieldSize(message, &field); ++k) {
                const std::string entry = name + "[" + std::to_string(k) + "]";
                if constexpr (kMutable) {
                    for_each_message(*r.MutableRepeatedMessage(&message, &field, k), entry, visit);
                } else {
                    for_each_message(r.GetRepeatedMessage(message, &field, k), entry, visit);
                }
            }
        } else if (r.HasField(message, &field)) {
            if constexpr (kMutable) {
                for_each_message(*r.MutableMessage(&message, &field), name, visit);
            } else {
                for_each_message(r.GetMessage(message, &field), name, visit);
            }
        }
    }
}

}  // namespace aircheck::proto
