#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace runtime {

// Owns a file descriptor.
class Fd {
public:
    Fd() = default;

    explicit Fd(int value) : value_(value) {}

    Fd(Fd&& other) noexcept : value_(std::exchange(other.value_, -1)) {}

    Fd& operator=(Fd&& other) noexcept {
        reset(std::exchange(other.value_, -1));
        return *this;
    }

    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return value_; }

    [[nodiscard]] explicit operator bool() const { return value_ >= 0; }

    [[nodiscard]] int release() { return std::exchange(value_, -1); }

    void reset(int value = -1);

private:
    int value_ = -1;
};

[[nodiscard]] base::Result<Fd> open_file(std::string const& path, int flags, unsigned mode = 0);

// The whole file; an error if it is larger than `size_max`.
[[nodiscard]] base::Result<std::string> read_file(std::string const& path, std::size_t size_max);
// The same for a path inside `root`, whose symbolic links are followed as if `root` were /.
[[nodiscard]] base::Result<std::string> read_file_in_root(std::string const& root,
                                                          std::string const& path,
                                                          std::size_t size_max);
[[nodiscard]] base::Result<void> write_all(int fd, std::string_view text);
// Readers see the old text or the new one, also after a crash.
[[nodiscard]] base::Result<void> replace_file(std::string const& path, std::string_view text);

[[nodiscard]] bool file_exists(std::string const& path);
[[nodiscard]] base::Result<void> make_directories(std::string const& path);
// Removes what is there, a tree or nothing; never follows symbolic links.
[[nodiscard]] base::Result<void> remove_tree(std::string const& path);
// The names in a directory, sorted; none if it does not exist.
[[nodiscard]] std::vector<std::string> list_directory(std::string const& path);

}  // namespace runtime
