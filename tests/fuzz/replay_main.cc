// Runs a fuzz target without a fuzzer: once for each file given, or in a directory given, and then
// for inputs made from those. The same corpus gives the same inputs in the same order.
//
//   TARGET [--inputs N] PATH...
//
// The input that fails is left as NAME.failed in the working directory.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/random.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

// The sanitizers ask the program for their defaults: a finding ends in keep_input().
extern "C" char const* __asan_default_options() {
    return "abort_on_error=1";
}

extern "C" char const* __ubsan_default_options() {
    return "abort_on_error=1";
}

namespace {

namespace fs = std::filesystem;

using Input = std::vector<std::uint8_t>;

constexpr std::size_t input_max = 4096;
constexpr std::uint64_t seed = 1;

// What runs now, for the handler of the signal that ends it.
Input current;
std::string failed_path;

void keep_input(int signal) {
    int const file = ::open(failed_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file >= 0 && ::write(file, current.data(), current.size()) >= 0) {
        constexpr std::string_view text = "the input that failed is in ";
        static_cast<void>(::write(STDERR_FILENO, text.data(), text.size()));
        static_cast<void>(::write(STDERR_FILENO, failed_path.data(), failed_path.size()));
        static_cast<void>(::write(STDERR_FILENO, "\n", 1));
    }
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void run(Input input) {
    current = std::move(input);
    LLVMFuzzerTestOneInput(current.data(), current.size());
}

Input read(fs::path const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// In the order of their names, which does not depend on the file system.
std::vector<fs::path> files_in(std::string const& path) {
    std::vector<fs::path> files;
    if (!fs::is_directory(path)) {
        return {path};
    }
    for (fs::directory_entry const& entry : fs::recursive_directory_iterator(path)) {
        if (entry.is_regular_file()) {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    return files;
}

std::uint8_t random_byte(base::Prng& prng) {
    constexpr std::uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xc0, 0xff, ' ', '\n'};
    return prng.chance(0.3) ? telling[prng.below(std::size(telling))]
                            : static_cast<std::uint8_t>(prng.below(256));
}

void mutate(Input& input, std::vector<Input> const& corpus, base::Prng& prng) {
    auto const place = [&](std::size_t size) {
        return static_cast<std::ptrdiff_t>(prng.below(size + 1));
    };
    auto const at = place(input.size());
    auto const length = std::min<std::ptrdiff_t>(place(16), std::ssize(input) - at);
    switch (prng.below(6)) {
        case 0:
            if (at < std::ssize(input)) {
                input[static_cast<std::size_t>(at)] ^=
                    static_cast<std::uint8_t>(1U << prng.below(8));
            }
            break;
        case 1:
            std::generate_n(input.begin() + at, length, [&] { return random_byte(prng); });
            break;
        case 2:
            input.insert(input.begin() + at, random_byte(prng));
            break;
        case 3:
            input.erase(input.begin() + at, input.begin() + at + length);
            break;
        case 4: {
            Input const piece(input.begin() + at, input.begin() + at + length);
            input.insert(input.begin() + place(input.size()), piece.begin(), piece.end());
            break;
        }
        case 5: {
            Input const& other = corpus[prng.below(corpus.size())];
            input.resize(static_cast<std::size_t>(at));
            input.insert(input.end(), other.begin() + place(other.size()), other.end());
            break;
        }
    }
}

Input make_input(std::vector<Input> const& corpus, base::Prng& prng) {
    Input input;
    if (prng.chance(0.1)) {
        input.resize(prng.below(256));
        std::ranges::generate(input, [&] { return random_byte(prng); });
        return input;
    }
    input = corpus[prng.below(corpus.size())];
    for (std::uint64_t count = 1 + prng.below(6); count > 0; --count) {
        mutate(input, corpus, prng);
    }
    input.resize(std::min(input.size(), input_max));
    return input;
}

}  // namespace

int main(int count, char** arguments) {
    std::uint64_t inputs = 2000;
    std::vector<Input> corpus;
    failed_path = fs::path(arguments[0]).filename().string() + ".failed";
    std::signal(SIGABRT, keep_input);
    std::signal(SIGSEGV, keep_input);
    for (int at = 1; at < count; ++at) {
        if (std::string_view(arguments[at]) == "--inputs" && at + 1 < count) {
            inputs = base::parse_integer<std::uint64_t>(arguments[++at]).value_or(inputs);
            continue;
        }
        if (!fs::exists(arguments[at])) {
            std::fprintf(stderr, "%s: no such file or directory\n", arguments[at]);
            return 2;
        }
        for (fs::path const& path : files_in(arguments[at])) {
            corpus.push_back(read(path));
            run(corpus.back());
        }
    }
    std::size_t const files = corpus.size();
    corpus.emplace_back();
    base::Prng prng(seed);
    for (std::uint64_t made = 0; made < inputs; ++made) {
        run(make_input(corpus, prng));
    }
    std::printf("%zu files and %llu inputs made from them\n", files,
                static_cast<unsigned long long>(inputs));
    return 0;
}
