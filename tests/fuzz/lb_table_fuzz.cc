// Walks through tables drawn from the input: the steps of lb::difference() must lead from each to
// the next, and lb::order() must name every backend once, the doubtful ones last.

#include <algorithm>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "lb/table.h"

namespace {

using Key = std::pair<lb::Protocol, base::SocketAddress>;
using Entries = std::map<Key, lb::Frontend>;

Key key(lb::Frontend const& frontend) {
    return {frontend.protocol, frontend.listen};
}

lb::Table read_table(base::ByteReader& reader) {
    Entries entries;
    for (int count = reader.u8() % 16; count > 0; --count) {
        lb::Frontend frontend;
        frontend.protocol = reader.u8() % 2 == 0 ? lb::Protocol::tcp : lb::Protocol::udp;
        frontend.listen = {base::IpAddress::v4(reader.u8() % 4U), reader.u8()};
        for (int backends = reader.u8() % 8; backends > 0; --backends) {
            std::uint8_t const host = reader.u8();
            frontend.backends.push_back(
                {.address = {base::IpAddress::v4(host), 80}, .doubtful = reader.u8() % 2 == 0});
        }
        entries.emplace(key(frontend), std::move(frontend));
    }
    lb::Table table;
    for (auto& [at, frontend] : entries) {
        table.frontends.push_back(std::move(frontend));
    }
    return table;
}

void check_order(lb::Frontend const& frontend, std::uint64_t flow) {
    auto const ranked = lb::order(frontend, flow);
    CHECK(ranked.size() == frontend.backends.size());
    std::vector<bool> seen(ranked.size());
    bool doubtful = false;
    for (std::size_t const index : ranked) {
        CHECK(index < seen.size() && !seen[index]);
        seen[index] = true;
        CHECK(!doubtful || frontend.backends[index].doubtful);
        doubtful = frontend.backends[index].doubtful;
    }
}

void follow(Entries& entries, lb::Difference const& steps) {
    for (lb::Frontend const& frontend : steps.closed) {
        CHECK(entries.erase(key(frontend)) == 1);
    }
    for (lb::Frontend const& frontend : steps.opened) {
        CHECK(entries.emplace(key(frontend), frontend).second);
    }
    for (lb::Frontend const& frontend : steps.changed) {
        auto const entry = entries.find(key(frontend));
        CHECK(entry != entries.end() && entry->second != frontend);
        entry->second = frontend;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    base::ByteReader reader(std::as_bytes(std::span(data, size)));
    lb::Table table;
    Entries entries;
    while (!reader.at_end() && !reader.failed()) {
        lb::Table next = read_table(reader);
        std::uint64_t const flow = reader.u64();
        follow(entries, lb::difference(table, next));
        CHECK(std::ranges::equal(entries, next.frontends, {}, &Entries::value_type::second));
        for (lb::Frontend const& frontend : next.frontends) {
            check_order(frontend, flow);
        }
        table = std::move(next);
    }
    return 0;
}
