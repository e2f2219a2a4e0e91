#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "spec/compose/dotenv.h"

// An env file gives variables within the bounds, or one problem in one of its lines; the first byte
// chooses the format.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    std::string_view const text(reinterpret_cast<char const*>(data) + 1, size - 1);
    auto const format = data[0] % 2 == 0 ? spec::EnvFormat::dotenv : spec::EnvFormat::raw;
    std::string const value = "outer";
    spec::Lookup const outer = [&](std::string_view name) {
        return name.starts_with('O') ? &value : nullptr;
    };
    spec::Variables variables;
    auto const problem = spec::read_dotenv(text, format, outer, variables);
    std::size_t bytes = 0;
    for (auto const& [name, held] : variables) {
        CHECK(!name.empty());
        CHECK(!name.contains('\n') && !name.contains('='));
        bytes += name.size() + held.size();
    }
    if (problem) {
        CHECK(!problem->message.empty());
        CHECK(problem->line >= 1 && static_cast<std::size_t>(problem->line) <= size + 1);
    } else {
        CHECK(variables.size() <= spec::variables_max);
        CHECK(bytes <= spec::variables_bytes_max);
    }
    return 0;
}
