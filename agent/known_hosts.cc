#include "agent/known_hosts.h"

#include <algorithm>

namespace agent {

base::Bytes encode_known_hosts(Members const& members) {
    base::ByteWriter out;
    out.varint(members.size());
    for (auto const& [id, member] : members) {
        out.raw(std::as_bytes(std::span(id.bytes)));
        out.sized(member.name);
        out.raw(std::as_bytes(std::span(member.address.ip.bytes)));
        out.u16(member.address.port);
        out.u8(member.state == gossip::State::left ? 1 : 0);
    }
    return out.take();
}

std::vector<gossip::Member> decode_known_hosts(base::ByteView bytes) {
    base::ByteReader in(bytes);
    std::vector<gossip::Member> members;
    std::uint64_t const count = in.varint();
    for (std::uint64_t at = 0; at < count && at < gossip::members_max && !in.failed(); ++at) {
        gossip::Member member;
        std::ranges::copy(in.raw(member.id.bytes.size()),
                          std::as_writable_bytes(std::span(member.id.bytes)).begin());
        member.name = in.text(gossip::name_max);
        std::ranges::copy(in.raw(member.address.ip.bytes.size()),
                          std::as_writable_bytes(std::span(member.address.ip.bytes)).begin());
        member.address.port = in.u16();
        member.state = in.u8() == 1 ? gossip::State::left : gossip::State::down;
        if (!in.failed()) {
            members.push_back(std::move(member));
        }
    }
    return members;
}

}  // namespace agent
