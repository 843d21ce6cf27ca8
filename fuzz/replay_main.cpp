// Runs a fuzz target over files, for compilers without libFuzzer: each file as it is, cut short at
// many places, and with a few bytes changed. The changes come from a fixed seed: every run is the
// same.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;

constexpr std::size_t kCuts = 64;
constexpr std::size_t kChangedCopies = 64;

void run(const Input& input) {
    // A copy of its own size, so that a sanitizer sees every byte read past the end.
    const Input exact(input.begin(), input.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void run_around(const Input& input) {
    run(input);
    if (input.empty()) return;
    const std::size_t step = std::max<std::size_t>(1, input.size() / kCuts);
    for (std::size_t size = 0; size < input.size(); size += step) {
        run(Input(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size)));
    }
    std::mt19937 random(static_cast<std::mt19937::result_type>(input.size()));
    for (std::size_t copy = 0; copy < kChangedCopies; ++copy) {
        Input changed = input;
        for (std::size_t i = 0; i <= copy % 4; ++i) {
            changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
        }
        run(changed);
    }
}

void collect(const fs::path& path, std::vector<fs::path>& files) {
    if (!fs::is_directory(path)) {
        files.push_back(path);
        return;
    }
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<fs::path> files;
    for (int i = 1; i < argc; ++i) {
        if (fs::exists(argv[i])) collect(argv[i], files);
    }
    if (files.empty()) {
        std::fprintf(stderr, "no corpus: give files or folders of inputs\n");
        return 2;
    }
    std::ranges::sort(files);
    for (const fs::path& path : files) {
        std::ifstream file(path, std::ios::binary);
        const Input input{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
        // Told before, so that the last line names the input that crashed.
        std::printf("%s (%zu bytes)\n", path.filename().c_str(), input.size());
        std::fflush(stdout);
        run_around(input);
    }
    return 0;
}
