// An agent whose disk is full: it answers, refuses what it cannot keep, and goes on by itself when
// there is room again.
#include <algorithm>
#include <chrono>
#include <functional>

#include <catch2/catch.hpp>

#include "crdt/rocks_store.h"
#include "net/admin/admin_client.h"
#include "tests/contract/mounted.h"
#include "tests/contract/store_support.h"
#include "tests/support/running_host.h"

namespace {

using support::TempDir;
using support::Tmpfs;

spec::ServiceSpec service(int number) {
    spec::ServiceSpec out;
    out.project = "shop";
    out.name = "web" + std::to_string(number);
    out.image = "web:1";
    out.replicas = 0;
    for (int i = 0; i < 50; ++i) {
        out.environment["FILL" + std::to_string(i)] = std::string(2000, 'x');
    }
    return out;
}

bool within(std::chrono::seconds time, std::function<bool()> const& condition) {
    auto const deadline = std::chrono::steady_clock::now() + time;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("agent: a full disk refuses changes with the reason, and is left behind by itself") {
    if (!support::can_mount()) {
        return;
    }
    TempDir directory;
    Tmpfs const disk(directory.path("disk"), "size=24m");
    std::string const state = disk.directory() + "/state";
    REQUIRE(crdt::make_rocks_store(state));
    int applied = 0;
    {
        auto const store = crdt::open_rocks_store(state);
        REQUIRE(store);
        support::RunningHost const host(**store, net::make_fleet("test"));
        net::AdminClient const client(host.socket());
        auto const first = client.apply({service(applied++)}, {});
        INFO((first ? "" : first.error().message));
        REQUIRE(first);
        disk.fill();
        std::string reason;
        // The log has some room of its own.
        while (reason.empty() && applied < 200) {
            auto const answer = client.apply({service(applied++)}, {});
            reason = answer ? "" : answer.error().message;
        }
        CHECK_THAT(reason, Catch::Contains("not on this host's disk") &&
                               Catch::Contains("no space left") && Catch::Contains(state));
        auto const status = client.status();
        REQUIRE(status);
        CHECK(client.services()->size() == static_cast<std::size_t>(applied));
        disk.release();
        REQUIRE(within(std::chrono::seconds(20), [&] {
            auto const answer = client.apply({service(applied)}, {});
            return answer.has_value() && answer->changed.empty();
        }));
        ++applied;
    }
    // What was refused is on the disk as well: it was in force all the time.
    auto const kept = crdt::read_rocks_store(state);
    REQUIRE(kept);
    auto const services = std::ranges::count_if(
        kept->entries, [](crdt::Entry const& entry) { return entry.key.starts_with("service/"); });
    CHECK(services == applied);
}
