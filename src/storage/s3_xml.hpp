#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::storage {

/// What little of XML S3's answers need: elements found by name wherever they are, without
/// attributes. Namespaces, comments and CDATA do not occur in them.

/// The text of the first element `name`, entities replaced; empty when there is none.
[[nodiscard]] std::optional<std::string> xml_text(std::string_view document, std::string_view name);
/// The texts of all elements `name`, in order.
[[nodiscard]] std::vector<std::string> xml_texts(std::string_view document, std::string_view name);
[[nodiscard]] std::string xml_escape(std::string_view text);

}  // namespace aircheck::storage
