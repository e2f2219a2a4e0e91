#pragma once

// CHECK(condition) states what only a bug in this program could break. It is compiled into every
// build; a failure prints the place and the condition and aborts. Never use it on input: what a
// peer, a user or a disk says is answered with a base::Result.
#define CHECK(condition)                                          \
    do {                                                          \
        if (!(condition)) [[unlikely]] {                          \
            ::base::check_failed(#condition, __FILE__, __LINE__); \
        }                                                         \
    } while (false)

namespace base {

[[noreturn]] void check_failed(char const* condition, char const* file, int line);

}  // namespace base
