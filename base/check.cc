#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace base {

void check_failed(char const* condition, char const* file, int line) {
    std::fprintf(stderr, "%s:%d: bug: CHECK(%s) failed\n", file, line, condition);
    std::abort();
}

}  // namespace base
