#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "spec/compose.h"

// A file that is usable gives services that every host can decode; one that is not gives none and
// says why.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    spec::ComposeFile const file = spec::read_compose("/etc/covey/services/fuzz.yaml", text);
    CHECK(file.usable() || (file.services.empty() && !file.diagnostics.empty()));
    for (spec::ServiceSpec const& service : file.services) {
        auto const decoded = spec::decode(spec::encode(service));
        CHECK(decoded.has_value());
        CHECK(*decoded == service);
    }
    for (spec::Diagnostic const& diagnostic : file.diagnostics) {
        CHECK(!diagnostic.message.empty());
        CHECK(diagnostic.line >= 0 && diagnostic.column >= 0);
    }
    return 0;
}
