#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"

namespace support {

// Whether file systems can be mounted here. The first call moves this thread, and those it makes
// from then on, into a mount namespace of their own, so that nothing stays when the test ends.
inline bool can_mount() {
    static bool const able = ::unshare(CLONE_NEWNS) == 0 &&
                             ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!able) {
        WARN("skipped: mounting needs root");
    }
    return able;
}

// A file system in memory on `directory`, with the options of tmpfs(5).
class Tmpfs {
public:
    Tmpfs(std::string directory, std::string const& options) : directory_(std::move(directory)) {
        std::filesystem::create_directories(directory_);
        REQUIRE(::mount("tmpfs", directory_.c_str(), "tmpfs", 0, options.c_str()) == 0);
    }

    Tmpfs(Tmpfs const&) = delete;
    Tmpfs& operator=(Tmpfs const&) = delete;

    ~Tmpfs() { ::umount2(directory_.c_str(), MNT_DETACH); }

    [[nodiscard]] std::string const& directory() const { return directory_; }

    // Takes all space but about `left` bytes, until release().
    void fill(std::uint64_t left = 0) const {
        std::ofstream out(ballast(), std::ios::binary);
        std::string const block(4096, 'x');
        while (free_bytes() >= left + block.size() && out.write(block.data(), 4096).flush()) {
        }
    }

    // Takes every inode, until release().
    void fill_inodes() const {
        std::filesystem::create_directory(ballast());
        for (int i = 0; std::ofstream(base::concat(ballast(), "/", i)).is_open(); ++i) {
        }
    }

    void release() const { std::filesystem::remove_all(ballast()); }

private:
    [[nodiscard]] std::string ballast() const { return directory_ + "/ballast"; }

    [[nodiscard]] std::uint64_t free_bytes() const {
        struct statvfs found{};
        REQUIRE(::statvfs(directory_.c_str(), &found) == 0);
        return std::uint64_t{found.f_bfree} * found.f_bsize;
    }

    std::string directory_;
};

}  // namespace support
