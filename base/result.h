#pragma once

#include <expected>
#include <string>
#include <utility>

namespace base {

// What went wrong outside the program (a system call, a file, a peer), told to a person: what,
// where, and if known what to do. Cores use enums of their own instead, one enumerator per cause.
struct [[nodiscard]] Error {
    std::string message;
};

// A value or the reason why there is none. Discarding one is a compile error.
template <class T, class E = Error>
using Result = std::expected<T, E>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message) {
    return std::unexpected(Error{std::move(message)});
}

// The message of `errno_value` behind a context: `fail_errno(2, "open /etc/x")` reads
// "open /etc/x: No such file or directory".
[[nodiscard]] std::unexpected<Error> fail_errno(int errno_value, std::string context);

}  // namespace base

// TRY(expr) is the value of a Result, or returns its error from the enclosing function.
#define TRY(expr)                                                   \
    __extension__({                                                 \
        auto try_result_ = (expr);                                  \
        if (!try_result_.has_value()) [[unlikely]]                  \
            return std::unexpected(std::move(try_result_).error()); \
        *std::move(try_result_);                                    \
    })

// TRY_VOID(expr) is TRY for a Result<void>.
#define TRY_VOID(expr)                                              \
    do {                                                            \
        auto try_result_ = (expr);                                  \
        if (!try_result_.has_value()) [[unlikely]]                  \
            return std::unexpected(std::move(try_result_).error()); \
    } while (false)
