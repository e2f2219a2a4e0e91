#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>
#include <stdlib.h>

namespace support {

// A directory that goes with the test.
class TempDir {
public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "covey-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }

    TempDir(TempDir const&) = delete;
    TempDir& operator=(TempDir const&) = delete;

    ~TempDir() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string path() const { return path_; }

    [[nodiscard]] std::string path(std::string_view name) const {
        return path_ + '/' + std::string(name);
    }

private:
    std::string path_;
};

}  // namespace support
