#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "spec/compose.h"

// Several files, cut apart at bytes 0xff, which no text may hold: the Compose file, one that
// overrides it if it is there, and those that they may name.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static constexpr std::array<char const*, 6> names{"a.yaml", ".env",   "sub/c.yaml",
                                                      "e.env",  "b.yaml", "sub/.env"};
    std::map<std::string, std::string> files;
    std::string_view const bytes(reinterpret_cast<char const*>(data), size);
    for (std::string_view const part : base::split(bytes, '\xff')) {
        if (files.size() < names.size()) {
            files[names[files.size()]] = part;
        }
    }
    spec::ComposeRequest request{
        .files = {"a.yaml"}, .env_files = {}, .variables = {{"V", "v"}}, .profiles = {"p"}};
    if (files.contains("b.yaml")) {
        request.files.emplace_back("b.yaml");
    }
    spec::ComposeFile const file = spec::read_compose(
        request,
        [&](std::string const& path) -> std::expected<spec::SourceFile, spec::SourceProblem> {
            auto const found = files.find(path);
            if (found == files.end()) {
                return std::unexpected(spec::SourceProblem{true, "does not exist"});
            }
            return spec::SourceFile{found->second, true};
        });
    CHECK(file.usable() || (file.services.empty() && !file.diagnostics.empty()));
    CHECK(!file.inputs.empty() && file.inputs.size() <= spec::inputs_max);
    for (spec::ServiceSpec const& service : file.services) {
        auto const decoded = spec::decode(spec::encode(service));
        CHECK(decoded.has_value());
        CHECK(*decoded == service);
    }
    for (spec::Diagnostic const& diagnostic : file.diagnostics) {
        CHECK(!diagnostic.file.empty());
        CHECK(!diagnostic.message.empty());
    }
    return 0;
}
