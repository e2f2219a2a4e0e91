#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "net/fleet.h"
#include "net/identity.h"
#include "net/state_dir.h"
#include "tests/unit/net/support.h"

using Catch::Matchers::Contains;

namespace {
std::string content_of(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
}  // namespace

TEST_CASE("an identity is made once and kept") {
    support::TempDir const dir;
    auto const made = net::load_or_make_identity(dir.path());
    REQUIRE(made);
    auto const loaded = net::load_or_make_identity(dir.path());
    REQUIRE(loaded);
    CHECK(loaded->id() == made->id());
    CHECK(loaded->public_key() == made->public_key());
    CHECK(net::node_id_of(made->public_key()) == made->id());
    CHECK(net::verify(made->public_key(), support::text("x"), loaded->sign(support::text("x"))));
    struct stat status{};
    REQUIRE(::stat(dir.path("identity").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
}

TEST_CASE("every start has a higher boot count, and counters never meet") {
    support::TempDir const dir;
    CHECK_FALSE(net::raise_boot_count(dir.path()));
    REQUIRE(net::load_or_make_identity(dir.path()));
    CHECK(net::raise_boot_count(dir.path()) == 1U);
    CHECK(net::raise_boot_count(dir.path()) == 2U);
    CHECK(net::first_counter(2) - net::first_counter(1) == std::uint64_t{1} << 40);
}

TEST_CASE("a damaged identity is an error and stays as it is") {
    support::TempDir const dir;
    REQUIRE(net::load_or_make_identity(dir.path()));
    std::string const path = dir.path("identity");
    std::string const good = content_of(path);
    for (std::size_t at = 0; at < good.size(); ++at) {
        INFO(at);
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        support::write_file(path, bad);
        auto const loaded = net::load_or_make_identity(dir.path());
        REQUIRE_FALSE(loaded);
        CHECK_THAT(loaded.error().message, Contains(path) && Contains("is damaged"));
        CHECK(content_of(path) == bad);
        support::write_file(path, good.substr(0, at));
        CHECK_FALSE(net::load_or_make_identity(dir.path()));
    }
}

TEST_CASE("a file of a newer format is told from a damaged one") {
    support::TempDir const dir;
    base::Bytes const packed = net::pack_state("kind", support::text("body"));
    CHECK(net::unpack_state("kind", packed, "p", "a") == support::text("body"));
    CHECK_FALSE(net::unpack_state("other", packed, "p", "a"));
    base::Bytes newer = packed;
    newer[5] = std::byte{2};  // behind the sized kind
    auto const checksum = net::hash(
        {base::as_bytes("covey state file"), base::ByteView(newer).first(newer.size() - 8)});
    std::ranges::copy(base::ByteView(checksum).first(8), newer.end() - 8);
    auto const unpacked = net::unpack_state("kind", newer, "/x/fleet", "a");
    REQUIRE_FALSE(unpacked);
    CHECK_THAT(unpacked.error().message,
               Contains("/x/fleet was written by another version of covey (format 2"));
}

TEST_CASE("a fleet is kept with its keys and seeds") {
    support::TempDir const dir;
    auto const none = net::load_fleet(dir.path());
    REQUIRE(none);
    CHECK_FALSE(*none);
    net::Fleet fleet = net::make_fleet("edge");
    std::vector<net::FleetKey> keys = fleet.keys.keys();
    keys.push_back({.id = keys.front().id + 1, .key = net::random_key()});
    fleet.keys = net::KeyRing(keys);
    fleet.seeds = {*base::parse_socket_address("10.0.0.1:7700", 0),
                   *base::parse_socket_address("[fd00::9]:1", 0)};
    REQUIRE(net::save_fleet(dir.path(), fleet));
    auto const loaded = net::load_fleet(dir.path());
    REQUIRE(loaded);
    REQUIRE(*loaded);
    CHECK(**loaded == fleet);
    std::string bad = content_of(dir.path("fleet"));
    bad[30] = static_cast<char>(bad[30] ^ 1);
    support::write_file(dir.path("fleet"), bad);
    auto const damaged = net::load_fleet(dir.path());
    REQUIRE_FALSE(damaged);
    CHECK_THAT(damaged.error().message, Contains("fleet is damaged"));
}

TEST_CASE("a state directory has one user, and the error names it") {
    support::TempDir const dir;
    std::string const state = dir.path("deep/state");
    {
        auto const lock = net::StateLock::take(state);
        REQUIRE(lock);
        auto const second = net::StateLock::take(state);
        REQUIRE_FALSE(second);
        CHECK(second.error().message == base::concat("another agent (pid ", ::getpid(), ") uses ",
                                                     state, ": stop it or give --state-dir"));
    }
    CHECK(net::StateLock::take(state));
}

TEST_CASE("a state directory that cannot be made says where and why") {
    support::TempDir const dir;
    support::write_file(dir.path("file"), "");
    auto const lock = net::StateLock::take(dir.path("file/state"));
    REQUIRE_FALSE(lock);
    CHECK_THAT(lock.error().message, Contains(dir.path("file/state")) && Contains("directory"));
}

TEST_CASE("a key ring is read with the bounds it is written with") {
    base::ByteWriter two_same;
    two_same.u8(2);
    for (int i = 0; i < 2; ++i) {
        two_same.u32(5);
        two_same.raw(base::Bytes(32));
    }
    base::ByteReader in(two_same.view());
    CHECK_FALSE(net::get_keys(in));
    base::ByteWriter none;
    none.u8(0);
    base::ByteReader empty(none.view());
    CHECK_FALSE(net::get_keys(empty));
    base::Bytes const many(300, std::byte{9});
    base::ByteReader nine(many);
    CHECK_FALSE(net::get_keys(nine));
}
