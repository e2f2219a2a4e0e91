#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "spec/compose/interpolation.h"

// Text without a dollar stays as it is; what comes out is within its bound and, with every dollar
// doubled, is read back as it was.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    std::string const value = "v$A";
    spec::Lookup const lookup = [&](std::string_view name) {
        return name.starts_with('A') ? &value : nullptr;
    };
    auto const substituted = spec::substitute(text, lookup);
    if (!substituted) {
        CHECK(!substituted.error().empty());
        return 0;
    }
    CHECK(substituted->text.size() <= spec::substituted_max);
    CHECK(text.contains('$') || substituted->text == text);
    std::string doubled;
    for (char const c : substituted->text) {
        doubled.append(c == '$' ? 2 : 1, c);
    }
    auto const again = spec::substitute(doubled, lookup);
    CHECK(again.has_value());
    CHECK(again->text == substituted->text);
    return 0;
}
