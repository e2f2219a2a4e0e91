#include "crdt/rocks_mark.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/text.h"

namespace crdt::rocks {

namespace {

constexpr std::string_view magic = "COVEYSYN";
constexpr std::size_t size = 40;

std::string path_in(std::string const& directory) {
    return directory + "/SYNCED";
}

base::Bytes bytes_of(Position const& position) {
    base::ByteWriter out;
    out.raw(base::as_bytes(magic));
    out.u64(position.write);
    out.u64(position.manifest);
    out.u64(position.manifest_size);
    out.u64(base::stable_hash(out.view()));
    return out.take();
}

}  // namespace

base::Result<Mark> Mark::create(std::string const& directory) {
    std::string const path = path_in(directory);
    base::Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    base::Bytes const bytes = bytes_of({});
    if (!file || ::pwrite(file.get(), bytes.data(), bytes.size(), 0) != ssize_t{size} ||
        ::fsync(file.get()) != 0) {
        return base::fail_errno(errno, "cannot write " + path);
    }
    return Mark(std::move(file), {});
}

base::Result<Mark> Mark::open(std::string const& directory) {
    std::string const path = path_in(directory);
    // Also on a file system that is read-only now: then nothing is raised.
    base::Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file && (errno == EROFS || errno == EACCES)) {
        file = base::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    if (!file) {
        return errno == ENOENT ? base::fail("SYNCED is missing")
                               : base::fail_errno(errno, "cannot open " + path);
    }
    std::array<std::byte, size + 1> found{};
    ssize_t const got = ::pread(file.get(), found.data(), found.size(), 0);
    base::ByteReader in(base::ByteView(found).subspan(magic.size()));
    Position position;
    position.write = in.u64();
    position.manifest = in.u64();
    position.manifest_size = in.u64();
    if (got != ssize_t{size} ||
        !std::ranges::equal(bytes_of(position), base::ByteView(found).first(size))) {
        return base::fail("SYNCED cannot be read");
    }
    return Mark(std::move(file), position);
}

void Mark::raise(Position const& position) {
    if (position == position_) {
        return;
    }
    base::Bytes const bytes = bytes_of(position);
    if (::pwrite(file_.get(), bytes.data(), bytes.size(), 0) == ssize_t{size}) {
        position_ = position;
    }
}

void Mark::sync() const {
    [[maybe_unused]] int const ignored = ::fdatasync(file_.get());
}

base::Result<void> sync_directory(std::string const& directory) {
    base::Descriptor const opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || ::fsync(opened.get()) != 0) {
        return base::fail_errno(errno, "cannot sync " + directory);
    }
    return {};
}

}  // namespace crdt::rocks
