#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "spec/compose.h"
#include "spec/compose_write.h"

// A file that is usable gives services that every host can decode; one that is not gives none and
// says why. The canonical text of what was read says the same.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    std::string_view const text(reinterpret_cast<char const*>(data), size);
    spec::ComposeFile const file = spec::read_compose("/etc/covey/services/fuzz.yaml", text);
    CHECK(file.usable() || (file.services.empty() && !file.diagnostics.empty()));
    for (spec::ServiceSpec const& service : file.services) {
        auto const decoded = spec::decode(spec::encode(service));
        CHECK(decoded.has_value());
        CHECK(*decoded == service);
    }
    if (!file.services.empty()) {
        std::string const canonical = spec::to_compose(file.services, spec::TextForm::yaml);
        // Quotes make text longer: what is near a bound may be beyond it as canonical text.
        if (size < 64 * 1024) {
            spec::ComposeFile const again = spec::read_compose("/again.yaml", canonical);
            CHECK(again.services == file.services);
            CHECK(again.project == file.project);
        }
    }
    for (spec::Diagnostic const& diagnostic : file.diagnostics) {
        CHECK(!diagnostic.message.empty());
        CHECK(diagnostic.line >= 0 && diagnostic.column >= 0);
    }
    return 0;
}
