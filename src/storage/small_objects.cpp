#include "storage/small_objects.hpp"

#include "core/id.hpp"
#include "storage/spool.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace aircheck::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPiece = 16u << 20;
constexpr int kMostNames = 1000;

/// The local folder, or empty where it is another kind of store.
std::string root_of(const Destination& destination) {
    const auto* local = std::get_if<LocalDestination>(&destination);
    return local != nullptr ? local->root : "";
}

Result<std::string> get_file(const fs::path& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error == std::errc::no_such_file_or_directory) return fail(Errc::NotFound, path.string());
    if (error) return fail(error, path.string());
    return read_range(path.string(), 0, size);
}

/// Under another name until it is whole.
Result<> put_file(const fs::path& path, const std::string& content, ObjectStore::IfTaken if_taken) {
    std::error_code error;
    if (if_taken == ObjectStore::IfTaken::Refuse && fs::exists(path, error)) {
        const auto there = get_file(path);
        if (there && *there == content) return {};
        return fail(Errc::AlreadyExists, path.string());
    }
    fs::create_directories(path.parent_path(), error);
    if (error) return fail(error, path.parent_path().string());
    const fs::path temporary = path.parent_path() / ("." + new_id("aircheck_") + ".part");
    AC_CHECK_OK(assemble_file({as_bytes(content), {}, 0, 0}, temporary.string()));
    fs::rename(temporary, path, error);
    if (!error) return {};
    std::error_code ignored;  // The first error is told.
    fs::remove(temporary, ignored);
    return fail(error, path.string());
}

Result<std::vector<std::string>> list_files(const fs::path& folder) {
    std::error_code error;
    std::vector<std::string> names;
    fs::directory_iterator entries(folder, error);
    if (error == std::errc::no_such_file_or_directory) return names;
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
        std::string name = entries->path().filename().string();
        if (!name.starts_with('.')) names.push_back(std::move(name));
    }
    if (error) return fail(error, folder.string());
    std::ranges::sort(names);
    return names;
}

}  // namespace

SmallObjects::SmallObjects(Destination destination, net::HttpClient& http)
    : destination_(std::move(destination)), http_(http) {}

Result<> SmallObjects::put(
    const std::string& key, std::string content, ObjectStore::IfTaken if_taken
) {
    if (const auto root = root_of(destination_); !root.empty()) {
        return put_file(fs::path(root) / key, content, if_taken);
    }
    AC_TRY(const auto store, ObjectStore::create(destination_, http_));
    ObjectStore::ObjectOptions options;
    options.if_taken = if_taken;
    return store->put_object(prefix_of(destination_) + key, std::move(content), options)
        .map([](const auto&) {});
}

Result<std::string> SmallObjects::get(const std::string& key) {
    if (const auto root = root_of(destination_); !root.empty()) {
        return get_file(fs::path(root) / key);
    }
    AC_TRY(const auto store, ObjectStore::create(destination_, http_));
    const std::string whole = prefix_of(destination_) + key;
    AC_TRY(auto content, store->get_range(whole, 0, kPiece));
    if (content.size() < kPiece) return content;
    AC_TRY(const auto info, store->head_object(whole));
    while (content.size() < info.size) {
        AC_TRY(const auto piece, store->get_range(whole, content.size(), kPiece));
        content += piece;
    }
    return content;
}

Result<> SmallObjects::remove(const std::string& key) {
    if (const auto root = root_of(destination_); !root.empty()) {
        std::error_code error;
        fs::remove(fs::path(root) / key, error);
        if (error) return fail(error, root + "/" + key);
        return {};
    }
    AC_TRY(const auto store, ObjectStore::create(destination_, http_));
    const auto removed = store->delete_object(prefix_of(destination_) + key);
    if (!removed && removed.error().code != Errc::NotFound) return removed;
    return {};
}

Result<std::vector<std::string>> SmallObjects::list(const std::string& folder) {
    if (const auto root = root_of(destination_); !root.empty()) {
        return list_files(fs::path(root) / folder);
    }
    AC_TRY(const auto store, ObjectStore::create(destination_, http_));
    const std::string prefix = prefix_of(destination_) + folder + "/";
    AC_TRY(auto keys, store->list_objects(prefix, kMostNames));
    for (std::string& key : keys) key.erase(0, prefix.size());
    return keys;
}

}  // namespace aircheck::storage
