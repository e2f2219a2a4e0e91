#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "spec/compose.h"
#include "spec/compose/interpolation.h"

namespace spec {

inline constexpr std::size_t variables_max = 10'000;             // of one set of env files
inline constexpr std::size_t variables_bytes_max = 1024 * 1024;  // of their names and values

struct DotenvProblem {
    int line{};  // from 1
    std::string message;
};

enum class EnvFormat {
    dotenv,  // quotes, comments, references to variables
    raw,     // NAME=VALUE, the value as it stands
};

// Reads an env file into `into`, over what is there, by the rules of Compose's own reader:
// `export`, NAME=VALUE or NAME: VALUE, 'literal', "with escapes and $REFERENCES" over several
// lines, plain values up to the end of the line or " #". A name alone takes what `outer` knows of
// it. References look at `outer` first, then at `into`; what neither knows is empty. Stops at the
// first problem.
[[nodiscard]] std::optional<DotenvProblem> read_dotenv(std::string_view text, EnvFormat format,
                                                       Lookup const& outer, Variables& into);

}  // namespace spec
