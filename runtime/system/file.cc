#include "runtime/system/file.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"

namespace runtime {
namespace {

base::Result<std::string> read_open_file(int fd, std::string const& path, std::size_t size_max) {
    std::string text;
    char buffer[16384];
    for (;;) {
        ssize_t const size = read(fd, buffer, sizeof(buffer));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return base::fail_errno(errno, base::concat("read ", path));
        }
        if (size == 0) {
            return text;
        }
        if (text.size() + static_cast<std::size_t>(size) > size_max) {
            return base::fail(base::concat(path, ": larger than ", size_max, " bytes"));
        }
        text.append(buffer, static_cast<std::size_t>(size));
    }
}

}  // namespace

base::Result<base::Descriptor> open_file(std::string const& path, int flags, unsigned mode) {
    base::Descriptor fd(open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd) {
        return base::fail_errno(errno, base::concat("open ", path));
    }
    return fd;
}

base::Result<std::string> read_file(std::string const& path, std::size_t size_max) {
    base::Descriptor const fd = TRY(open_file(path, O_RDONLY));
    return read_open_file(fd.get(), path, size_max);
}

base::Result<std::string> read_file_in_root(std::string const& root, std::string const& path,
                                            std::size_t size_max) {
    base::Descriptor const directory = TRY(open_file(root, O_PATH | O_DIRECTORY));
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    base::Descriptor const fd(
        static_cast<int>(syscall(SYS_openat2, directory.get(), path.c_str(), &how, sizeof(how))));
    if (!fd) {
        return base::fail_errno(errno, base::concat("open ", path, " in ", root));
    }
    struct stat status{};
    if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return base::fail(base::concat(path, " in ", root, " is not a regular file"));
    }
    return read_open_file(fd.get(), path, size_max);
}

base::Result<void> write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t const size = write(fd, text.data(), text.size());
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return base::fail_errno(errno, "write");
        }
        text.remove_prefix(static_cast<std::size_t>(size));
    }
    return {};
}

base::Result<void> replace_file(std::string const& path, std::string_view text) {
    std::string const temporary = base::concat(path, ".new");
    {
        base::Descriptor const fd = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600));
        auto const written = write_all(fd.get(), text);
        if (!written) {
            unlink(temporary.c_str());
            return base::fail(base::concat(temporary, ": ", written.error().message));
        }
        if (fsync(fd.get()) != 0) {
            return base::fail_errno(errno, base::concat("sync ", temporary));
        }
    }
    if (rename(temporary.c_str(), path.c_str()) != 0) {
        return base::fail_errno(errno, base::concat("rename ", temporary));
    }
    return {};
}

bool file_exists(std::string const& path) {
    struct stat status{};
    return lstat(path.c_str(), &status) == 0;
}

base::Result<void> make_directories(std::string const& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) {
        return base::fail(base::concat("create directory ", path, ": ", error.message()));
    }
    return {};
}

base::Result<void> remove_tree(std::string const& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) {
        return base::fail(base::concat("remove ", path, ": ", error.message()));
    }
    return {};
}

std::vector<std::string> list_directory(std::string const& path) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator at(path, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        names.push_back(at->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

}  // namespace runtime
