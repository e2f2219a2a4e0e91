#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "spec/spec.h"

// Bytes that decode are the one encoding of what they decode to.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    base::ByteView const bytes(reinterpret_cast<std::byte const*>(data), size);
    auto const spec = spec::decode(bytes);
    if (spec) {
        base::Bytes const again = spec::encode(*spec);
        CHECK(base::as_text(again) == base::as_text(bytes));
        CHECK(spec::revision(*spec).size() == 16);
    }
    return 0;
}
