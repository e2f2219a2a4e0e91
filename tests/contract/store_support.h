#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <stdlib.h>

#include "crdt/store.h"
#include "tests/unit/crdt/replicas.h"

namespace support {

class TempDirectory {
public:
    TempDirectory() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "covey-store-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }

    ~TempDirectory() { std::filesystem::remove_all(path_); }

    TempDirectory(TempDirectory const&) = delete;
    TempDirectory& operator=(TempDirectory const&) = delete;

    [[nodiscard]] std::filesystem::path const& path() const { return path_; }

    [[nodiscard]] std::string state() const { return (path_ / "state").string(); }

private:
    std::filesystem::path path_;
};

inline crdt::Batch batch_of(crdt::Loaded const& loaded) {
    return {.entries = loaded.entries,
            .version = loaded.version,
            .locals = {loaded.locals.begin(), loaded.locals.end()}};
}

inline std::vector<crdt::Entry> sorted(std::vector<crdt::Entry> entries) {
    std::ranges::sort(entries, {}, &crdt::Entry::key);
    return entries;
}

inline crdt::VersionVector version_of(std::uint8_t origin, std::uint64_t sequence) {
    crdt::VersionVector version;
    version.raise(crdt::node(origin), sequence);
    return version;
}

}  // namespace support
