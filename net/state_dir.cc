#include "net/state_dir.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/text.h"
#include "net/crypto.h"

namespace net {

namespace {
constexpr std::size_t state_file_max = 64 * 1024;
constexpr std::uint8_t format = 1;
constexpr std::size_t checksum_size = 8;

std::string advice_for(int error) {
    return error == EACCES || error == EPERM ? " (run as root, or give another --state-dir)" : "";
}

std::unexpected<base::Error> fail_file(int error, std::string const& what,
                                       std::string const& path) {
    return base::fail_errno(error, base::concat(what, ' ', path, advice_for(error)));
}

base::Result<void> make_directory(std::string const& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return {};
    }
    if (std::filesystem::create_directories(path, error); error) {
        return fail_file(error.value(), "cannot make the state directory", path);
    }
    if (::chmod(path.c_str(), 0700) != 0) {
        return fail_file(errno, "cannot set the mode of", path);
    }
    return {};
}

std::string holder_of(int descriptor) {
    std::array<char, 16> text{};
    ssize_t const size = ::pread(descriptor, text.data(), text.size(), 0);
    std::string_view const digits =
        base::trim(std::string_view(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0));
    auto const pid = base::parse_integer<int>(digits);
    return pid ? base::concat(" (pid ", *pid, ')') : "";
}

base::Result<void> write_all(int descriptor, base::ByteView content, std::string const& path) {
    while (!content.empty()) {
        ssize_t const written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return fail_file(errno, "cannot write", path);
        }
        content = content.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

base::Result<void> sync_directory_of(std::string const& path) {
    std::string const directory = std::filesystem::path(path).parent_path().string();
    base::Descriptor const opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.get() < 0 || ::fsync(opened.get()) != 0) {
        return fail_file(errno, "cannot sync", directory);
    }
    return {};
}

Digest checksum_of(base::ByteView bytes) {
    return hash({base::as_bytes("covey state file"), bytes});
}
}  // namespace

// A process that was killed holds its lock until the kernel has ended all its threads.
constexpr int lock_attempts = 25;
constexpr int lock_pause_ms = 20;

base::Result<StateLock> StateLock::take(std::string const& state_dir) {
    TRY_VOID(make_directory(state_dir));
    std::string const path = state_dir + "/lock";
    StateLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (lock.descriptor_ < 0) {
        return fail_file(errno, "cannot open", path);
    }
    bool locked = false;
    for (int attempt = 0; attempt < lock_attempts; ++attempt) {
        locked = ::flock(lock.descriptor_, LOCK_EX | LOCK_NB) == 0;
        if (locked || errno != EWOULDBLOCK) {
            break;
        }
        ::poll(nullptr, 0, lock_pause_ms);
    }
    if (!locked) {
        if (errno != EWOULDBLOCK) {
            return fail_file(errno, "cannot lock", path);
        }
        return base::fail(base::concat("another agent", holder_of(lock.descriptor_), " uses ",
                                       state_dir, ": stop it or give --state-dir"));
    }
    // The pid only helps the message above: a failure to write it does not weaken the lock.
    std::string const pid = base::concat(::getpid(), '\n');
    if (::ftruncate(lock.descriptor_, 0) == 0) {
        [[maybe_unused]] auto const written = ::pwrite(lock.descriptor_, pid.data(), pid.size(), 0);
    }
    return lock;
}

StateLock::StateLock(StateLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

StateLock& StateLock::operator=(StateLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

StateLock::~StateLock() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

base::Result<std::optional<base::Bytes>> read_state_file(std::string const& path) {
    base::Descriptor const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        return fail_file(errno, "cannot open", path);
    }
    base::Bytes content(state_file_max + 1);
    std::size_t size = 0;
    while (size < content.size()) {
        ssize_t const got = ::read(file.get(), content.data() + size, content.size() - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_file(errno, "cannot read", path);
        }
        if (got == 0) {
            break;
        }
        size += static_cast<std::size_t>(got);
    }
    if (size > state_file_max) {
        return base::fail(path + " is not a state file of covey: it is too large");
    }
    content.resize(size);
    return content;
}

base::Result<void> write_state_file(std::string const& path, base::ByteView content) {
    std::string const temporary = path + ".new";
    ::unlink(temporary.c_str());
    base::Descriptor const file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0) {
        return fail_file(errno, "cannot make", temporary);
    }
    auto written = write_all(file.get(), content, temporary);
    if (written && ::fsync(file.get()) != 0) {
        written = fail_file(errno, "cannot sync", temporary);
    }
    if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
        written = fail_file(errno, "cannot replace", path);
    }
    if (!written) {
        ::unlink(temporary.c_str());
        return written;
    }
    return sync_directory_of(path);
}

base::Bytes pack_state(std::string_view kind, base::ByteView body) {
    base::ByteWriter out;
    out.sized(kind);
    out.u8(format);
    out.raw(body);
    Digest const checksum = checksum_of(out.view());
    out.raw(base::ByteView(checksum).first(checksum_size));
    return out.take();
}

base::Result<base::Bytes> unpack_state(std::string_view kind, base::ByteView content,
                                       std::string const& path, std::string_view advice) {
    auto const damaged = base::fail(base::concat(path, " is damaged: ", advice));
    base::ByteReader in(content);
    std::string const found = in.text(64);
    std::uint8_t const version = in.u8();
    if (in.failed() || found != kind || in.remaining() < checksum_size) {
        return damaged;
    }
    Digest const checksum = checksum_of(content.first(content.size() - checksum_size));
    if (!std::ranges::equal(base::ByteView(checksum).first(checksum_size),
                            content.last(checksum_size))) {
        return damaged;
    }
    if (version != format) {
        return base::fail(base::concat(path, " was written by another version of covey (format ",
                                       version, ", this one reads ", format,
                                       "): use that version"));
    }
    base::ByteView const body = in.raw(in.remaining() - checksum_size);
    return base::Bytes(body.begin(), body.end());
}

}  // namespace net
