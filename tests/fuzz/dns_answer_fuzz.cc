#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "dns/message.h"
#include "dns/zone.h"

namespace {

std::shared_ptr<dns::Zone const> example_zone() {
    dns::ZoneData data;
    data.origin = "c.i";
    dns::ServiceRecord web{.project = "p",
                           .name = "w",
                           .vip = base::IpAddress::v4(0x0a8f0001),
                           .ports = {{"h", 80, false}},
                           .endpoints = {}};
    for (std::uint32_t slot = 1; slot <= 100; ++slot) {
        web.endpoints.push_back({slot, base::IpAddress::v4(0x0a800000 + slot)});
    }
    data.services = {web};
    data.hosts = {{"n", base::IpAddress::v4(0x01020304)}};
    data.projects = {{base::IpAddress::v4(1), "p"}};
    return dns::make_zone(data);
}

}  // namespace

// Any bytes get a drop, a forward, or a response to them that is no longer than asked for.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    static auto const zone = example_zone();
    auto const query = std::as_bytes(std::span(bytes, size));
    for (auto const transport : {dns::Transport::udp, dns::Transport::tcp}) {
        auto const answer = dns::answer(*zone, query, transport, base::IpAddress::v4(1), 5);
        bool const replies = answer.kind == dns::Answer::Kind::reply;
        CHECK(replies != answer.message.empty());
        if (!replies) {
            continue;
        }
        CHECK(answer.message.size() >= dns::header_size);
        CHECK(transport == dns::Transport::tcp || answer.message.size() <= dns::udp_payload_max);
        CHECK(answer.message[0] == query[0] && answer.message[1] == query[1]);
        CHECK((dns::flags_of(answer.message) & dns::flag::response) != 0);
        CHECK(!dns::parse_query(answer.message).has_value());
    }
    auto const failure = dns::servfail(query);
    CHECK(failure.empty() == (size < dns::header_size));
    return 0;
}
