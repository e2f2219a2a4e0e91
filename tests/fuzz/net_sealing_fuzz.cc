#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "net/sealing.h"

// Bytes from anybody do not open; payloads of a member do, whatever they are.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static net::KeyRing const keys({{.id = 1, .key = net::Key{}}});
    static net::Sealer member(keys, base::NodeId{{1}}, 0);
    static net::Sealer target(keys, base::NodeId{{2}}, 0);
    base::ByteView const input = std::as_bytes(std::span(data, size));
    CHECK(!target.open(net::Purpose::datagram, input) || size >= net::Sealer::overhead);
    if (size + net::Sealer::overhead <= net::Sealer::packet_max) {
        base::Bytes const packet = member.seal(net::Purpose::datagram, input);
        CHECK(target.open(net::Purpose::datagram, packet).has_value());
        CHECK(!target.open(net::Purpose::datagram, packet).has_value());
    }
    return 0;
}
