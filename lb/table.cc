#include "lb/table.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"

namespace lb {

namespace {

std::uint64_t address_hash(base::SocketAddress const& address) {
    base::ByteWriter writer;
    writer.raw(std::as_bytes(std::span(address.ip.bytes)));
    writer.u16(address.port);
    return base::stable_hash(writer.view());
}

auto key(Frontend const& frontend) {
    return std::tie(frontend.protocol, frontend.listen);
}

}  // namespace

std::vector<std::size_t> order(Frontend const& frontend, std::uint64_t flow) {
    struct Ranked {
        bool doubtful{};
        std::uint64_t score{};
        std::size_t index{};
    };

    std::vector<Ranked> ranked;
    ranked.reserve(frontend.backends.size());
    for (std::size_t index = 0; index < frontend.backends.size(); ++index) {
        Backend const& backend = frontend.backends[index];
        ranked.push_back(
            {backend.doubtful, base::mix(base::mix(flow) ^ address_hash(backend.address)), index});
    }
    std::ranges::sort(ranked, [](Ranked const& left, Ranked const& right) {
        return std::tuple(left.doubtful, right.score, left.index) <
               std::tuple(right.doubtful, left.score, right.index);
    });
    std::vector<std::size_t> out;
    out.reserve(ranked.size());
    for (Ranked const& entry : ranked) {
        out.push_back(entry.index);
    }
    return out;
}

Difference difference(Table const& previous, Table const& next) {
    Difference out;
    auto before = previous.frontends.begin();
    auto after = next.frontends.begin();
    while (before != previous.frontends.end() || after != next.frontends.end()) {
        bool const no_before = before == previous.frontends.end();
        bool const no_after = after == next.frontends.end();
        if (no_before || (!no_after && key(*after) < key(*before))) {
            out.opened.push_back(*after++);
        } else if (no_after || key(*before) < key(*after)) {
            out.closed.push_back(*before++);
        } else {
            if (*before != *after) {
                out.changed.push_back(*after);
            }
            ++before;
            ++after;
        }
    }
    return out;
}

}  // namespace lb
