#include "app/config_value.hpp"

#include "net/url.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace aircheck::app {
namespace {

constexpr Nanoseconds kLongestDuration = std::chrono::hours(24 * 3650);

int line_of(const YAML::Node& node, const Origin& origin) {
    // Only files have lines; a variable's value is one place however it is written.
    if (origin.kind != SourceKind::File || node.Mark().is_null()) return origin.line;
    return node.Mark().line + 1;
}

Value child(const Value& parent, const std::string& name, const YAML::Node& node) {
    Value value{node, parent.path + name, parent.origin};
    value.origin.line = line_of(node, parent.origin);
    return value;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        auto diagonal = row[0]++;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const auto substituted = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

std::string_view last_component(std::string_view path) {
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

}  // namespace

tl::unexpected<Error> fail_at(const Value& value, const std::string& words) {
    auto where = value.origin.to_string();
    if (value.origin.kind != SourceKind::File && value.origin.kind != SourceKind::Default) {
        where += " (" + value.path + ")";
        return fail(Errc::InvalidArgument, where + " " + words);
    }
    return fail(Errc::InvalidArgument, where + ": " + value.path + " " + words);
}

Result<std::string> read_text(const Value& value) {
    if (!value.node.IsScalar()) return fail_at(value, "must be one value, not a list or an object");
    return value.node.Scalar();
}

Result<bool> read_bool(const Value& value) {
    constexpr std::string_view kTrue[] = {"true", "True", "yes", "on", "1"};
    constexpr std::string_view kFalse[] = {"false", "False", "no", "off", "0"};
    AC_TRY(const std::string text, read_text(value));
    if (std::ranges::find(kTrue, text) != std::end(kTrue)) return true;
    if (std::ranges::find(kFalse, text) != std::end(kFalse)) return false;
    return fail_at(value, "must be true or false, not '" + text + "'");
}

Result<std::int64_t> read_integer(const Value& value, std::int64_t least, std::int64_t most) {
    AC_TRY(const auto text, read_text(value));
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end || number < least || number > most) {
        return fail_at(
            value,
            "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
                ", not '" + text + "'"
        );
    }
    return number;
}

Result<double> read_decimal(const Value& value, double least, double most) {
    AC_TRY(const auto text, read_text(value));
    double number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    // Written so that what is not a number is refused too.
    if (error != std::errc{} || rest != end || !(number >= least && number <= most)) {
        return fail_at(
            value,
            "must be a number from " + show_decimal(least) + " to " + show_decimal(most) +
                ", not '" + text + "'"
        );
    }
    return number;
}

std::string show_decimal(double number) {
    char text[32];
    const auto [end, error] = std::to_chars(text, text + sizeof text, number);
    return error == std::errc{} ? std::string(text, end) : std::string("0");
}

Result<Nanoseconds> read_duration(const Value& value) {
    AC_TRY(const auto text, read_text(value));
    const auto duration = parse_duration(text);
    if (!duration || *duration < Nanoseconds{0} || *duration > kLongestDuration) {
        return fail_at(value, "must be a duration like 10s, 1m30s or 4h, not '" + text + "'");
    }
    return *duration;
}

Result<std::string> read_url(const Value& value, std::span<const std::string_view> schemes) {
    AC_TRY(const auto text, read_text(value));
    const auto url = net::Url::parse(text);
    if (!url || url->host.empty() ||
        std::find(schemes.begin(), schemes.end(), url->scheme) == schemes.end()) {
        std::string allowed;
        for (const auto scheme : schemes) {
            allowed += (allowed.empty() ? "" : " or ") + std::string(scheme) + "://";
        }
        // The text stays out of the message: URLs carry passwords.
        return fail_at(value, "must be a URL that begins with " + allowed);
    }
    return text;
}

Result<std::vector<Value>> read_list(const Value& value) {
    if (!value.node.IsSequence()) return fail_at(value, "must be a list");
    std::vector<Value> items;
    for (const auto& item : value.node) {
        items.push_back(child(value, "[" + std::to_string(items.size()) + "]", item));
    }
    return items;
}

Result<std::vector<std::string>> read_text_list(const Value& value) {
    // One value is taken for a list of one, as people write it.
    if (value.node.IsScalar()) return std::vector<std::string>{value.node.Scalar()};
    AC_TRY(const auto items, read_list(value));
    std::vector<std::string> texts;
    for (const auto& item : items) {
        AC_TRY(auto text, read_text(item));
        texts.push_back(std::move(text));
    }
    return texts;
}

Result<std::vector<std::pair<std::string, std::string>>> read_text_map(const Value& value) {
    if (!value.node.IsMap()) return fail_at(value, "must be an object of texts");
    std::vector<std::pair<std::string, std::string>> texts;
    for (const auto& entry : value.node) {
        if (!entry.first.IsScalar()) return fail_at(value, "has a key that is not a text");
        AC_TRY(auto text, read_text(child(value, "." + entry.first.Scalar(), entry.second)));
        texts.emplace_back(entry.first.Scalar(), std::move(text));
    }
    return texts;
}

tl::unexpected<Error> fail_choice(const Value& value, std::span<const std::string_view> choices) {
    std::string words = "must be ";
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) words += i + 1 == choices.size() ? " or " : ", ";
        words += choices[i];
    }
    return fail_at(value, words + ", not '" + value.node.Scalar() + "'");
}

Result<ObjectReader> ObjectReader::open(
    const Value& value, std::initializer_list<std::string_view> known
) {
    if (!value.node.IsMap()) return fail_at(value, "must be an object (key: value)");
    const std::vector<std::string> names(known.begin(), known.end());
    ObjectReader reader;
    for (const auto& entry : value.node) {
        if (!entry.first.IsScalar()) return fail_at(value, "has a key that is not a text");
        const auto& key = entry.first.Scalar();
        auto item = child(value, "." + key, entry.second);
        item.origin.line = line_of(entry.first, value.origin);
        if (std::find(names.begin(), names.end(), key) == names.end()) {
            return fail_at(item, "is not a known setting" + hint(key, names));
        }
        const auto same = [&](const Value& other) { return other.path == item.path; };
        if (std::any_of(reader.values_.begin(), reader.values_.end(), same)) {
            return fail_at(item, "is set twice");
        }
        reader.values_.push_back(std::move(item));
    }
    return reader;
}

const Value* ObjectReader::find(std::string_view key) const {
    for (const auto& value : values_) {
        if (last_component(value.path) == key) return value.node.IsNull() ? nullptr : &value;
    }
    return nullptr;
}

std::string nearest(std::string_view name, std::span<const std::string> candidates) {
    std::string best;
    // More than about a third wrong is another word.
    auto least = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const auto& candidate : candidates) {
        auto distance = edit_distance(name, candidate);
        // "s3.bucket" for "storage.s3.bucket", or the right key under the wrong parent.
        if (candidate.ends_with("." + std::string(name))) distance = 1;
        // "backup_storage" for "backup", as livekit/egress's README has it.
        if (name.starts_with(candidate + "_")) distance = 1;
        if (name.find('.') != std::string_view::npos &&
            last_component(name) == last_component(candidate)) {
            distance = std::min<std::size_t>(distance, 2);
        }
        if (distance < least) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

std::string hint(std::string_view name, std::span<const std::string> candidates) {
    const auto best = nearest(name, candidates);
    return best.empty() ? "" : "; did you mean " + best + "?";
}

std::string quote(std::string_view text) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:+-@";
    const bool plain = !text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos &&
                       text.front() != '-' && text.front() != '@' && text.front() != ':' &&
                       text.back() != ':';
    if (plain) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            constexpr std::string_view kHex = "0123456789abcdef";
            quoted += "\\x";
            quoted += kHex[static_cast<unsigned char>(c) >> 4U];
            quoted += kHex[static_cast<unsigned char>(c) & 0xFU];
        } else {
            quoted += c;
        }
    }
    return quoted + '"';
}

std::string show_duration(Nanoseconds duration) {
    constexpr std::pair<std::int64_t, std::string_view> kUnits[] = {
        {3'600'000'000'000, "h"},
        {60'000'000'000, "m"},
        {1'000'000'000, "s"},
        {1'000'000, "ms"},
        {1'000, "us"},
        {1, "ns"}};
    auto left = duration.count();
    std::string text;
    for (const auto& [size, unit] : kUnits) {
        if (left < size) continue;
        text += std::to_string(left / size) + std::string(unit);
        left %= size;
    }
    return text.empty() ? "0s" : text;
}

}  // namespace aircheck::app
