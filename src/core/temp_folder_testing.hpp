#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

/// Not `aircheck::testing`: that would hide GoogleTest's namespace from every layer's tests.
namespace aircheck::tests {

/// A folder of a test's own, removed with all it holds when the object ends. A fixture has it as
/// its first member, so that nothing that writes there outlives it. Throws std::system_error when
/// none can be made: the test fails.
class TempFolder {
public:
    explicit TempFolder(const std::filesystem::path& below = std::filesystem::temp_directory_path())
        : path_((below / "aircheck-XXXXXX").string()) {
        if (::mkdtemp(path_.data()) == nullptr) {
            throw std::system_error(errno, std::generic_category(), "mkdtemp " + path_);
        }
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    /// The path of a file or folder in it.
    [[nodiscard]] std::string operator/(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }

private:
    std::string path_;
};

/// All of a file; "" when it cannot be read.
[[nodiscard]] inline std::string read_file(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
}

/// Throws std::runtime_error when the file cannot be written.
inline void write_file(const std::string& path, std::string_view text) {
    std::ofstream file(path, std::ios::binary);
    if (!(file << text << std::flush)) throw std::runtime_error("cannot write " + path);
}

}  // namespace aircheck::tests
