#include "net/store_writer.h"

#include <latch>

#include <catch2/catch.hpp>

#include "tests/unit/net/support.h"

namespace {
// Keeps what is written; the first write waits until it is let go.
class SlowStore : public crdt::Store {
public:
    base::Result<crdt::Loaded> load() override { return crdt::Loaded{}; }

    base::Result<void> write(crdt::Batch const& batch) override {
        if (written.empty()) {
            started.count_down();
            go.wait();
        }
        if (failures-- > 0) {
            written.push_back({});
            return base::fail("disk full");
        }
        written.push_back(batch);
        return {};
    }

    std::latch started{1};
    std::latch go{1};
    std::vector<crdt::Batch> written;
    int failures = 0;  // so many writes fail first
};

base::NodeId node(std::uint8_t number) {
    base::NodeId id;
    id.bytes[0] = number;
    return id;
}

crdt::Batch batch(std::uint64_t sequence) {
    crdt::Batch out;
    crdt::Entry entry;
    entry.key = "k" + std::to_string(sequence);
    out.entries.push_back(entry);
    out.version.raise(node(1), sequence);
    out.locals["last"] = support::text(std::to_string(sequence));
    return out;
}

using Completions = std::vector<std::pair<std::uint64_t, bool>>;
}  // namespace

TEST_CASE("batches that wait are written as one, and each is completed in order") {
    boost::asio::io_context io;
    SlowStore store;
    Completions done;
    net::StoreWriter writer(io, store, [&](std::uint64_t sequence, base::Result<void> const& ok) {
        done.emplace_back(sequence, ok.has_value());
    });
    writer.submit(1, batch(1));
    store.started.wait();
    for (std::uint64_t sequence = 2; sequence <= 5; ++sequence) {
        writer.submit(sequence, batch(sequence));
    }
    store.go.count_down();
    REQUIRE(support::run_until(io, [&] { return done.size() == 5; }));
    CHECK(done == Completions{{1, true}, {2, true}, {3, true}, {4, true}, {5, true}});
    REQUIRE(store.written.size() == 2);
    crdt::Batch const& merged = store.written[1];
    REQUIRE(merged.entries.size() == 4);
    CHECK(merged.entries.front().key == "k2");
    CHECK(merged.entries.back().key == "k5");
    CHECK(merged.version.of(node(1)) == 5);
    CHECK(merged.locals.at("last") == support::text("5"));
}

TEST_CASE("of batches that are written as one the vector is that of the last, also a lower one") {
    boost::asio::io_context io;
    SlowStore store;
    Completions done;
    net::StoreWriter writer(io, store, [&](std::uint64_t sequence, base::Result<void> const& ok) {
        done.emplace_back(sequence, ok.has_value());
    });
    writer.submit(1, batch(1));
    store.started.wait();
    writer.submit(2, batch(9));
    writer.submit(3, batch(4));
    store.go.count_down();
    REQUIRE(support::run_until(io, [&] { return done.size() == 3; }));
    REQUIRE(store.written.size() == 2);
    CHECK(store.written[1].version.of(node(1)) == 4);
}

TEST_CASE("what failed is told, tried again with what came since, and never overtaken") {
    boost::asio::io_context io;
    SlowStore store;
    store.failures = 1;
    Completions done;
    net::StoreWriter writer(io, store, [&](std::uint64_t sequence, base::Result<void> const& ok) {
        done.emplace_back(sequence, ok.has_value());
    });
    writer.submit(1, batch(1));
    store.started.wait();
    crdt::Batch again = batch(2);
    again.entries.front().key = "k1";
    again.entries.front().stamp.counter = 2;
    writer.submit(2, again);
    store.go.count_down();
    REQUIRE(support::run_until(io, [&] { return done.size() == 3; }));
    CHECK(done == Completions{{1, false}, {1, true}, {2, true}});
    REQUIRE(store.written.size() == 2);
    // In the order of the writes, so that the newer entry of the key stands.
    CHECK(store.written[1].entries.back().stamp.counter == 2);
    CHECK(store.written[1].version.of(node(1)) == 2);
}

TEST_CASE("a queue that is full merges, and what waits is written before the writer goes") {
    boost::asio::io_context io;
    SlowStore store;
    {
        net::StoreWriter writer(io, store, [](std::uint64_t, base::Result<void> const&) {});
        writer.submit(0, batch(0));
        store.started.wait();
        for (std::uint64_t i = 1; i <= net::StoreWriter::queue_max; ++i) {
            writer.submit(i, batch(i));
        }
        // One more entry of a key that waits in the last batch: the key is kept once.
        writer.submit(9999, batch(net::StoreWriter::queue_max));
        store.go.count_down();
    }
    std::size_t entries = 0;
    for (crdt::Batch const& written : store.written) {
        CHECK(written.entries.size() <= net::StoreWriter::merge_max);
        entries += written.entries.size();
    }
    CHECK(entries == net::StoreWriter::queue_max + 1);
}
