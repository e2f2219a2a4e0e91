#include "runtime/network/net_namespace.h"

#include <cerrno>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/text.h"

namespace runtime {

namespace {

base::Result<void> on_own_thread(std::function<base::Result<void>()> const& work) {
    base::Result<void> result;
    try {
        std::thread([&] { result = work(); }).join();
    } catch (std::system_error const& error) {
        return base::fail(base::concat("start a thread: ", error.what()));
    }
    return result;
}

}  // namespace

base::Result<void> create_net_namespace(std::string const& path) {
    base::Descriptor const place(
        ::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!place) {
        return base::fail_errno(errno, base::concat("create ", path));
    }
    auto made = on_own_thread([&]() -> base::Result<void> {
        if (::unshare(CLONE_NEWNET) != 0) {
            return base::fail_errno(errno, "make a network namespace");
        }
        if (::mount("/proc/thread-self/ns/net", path.c_str(), "", MS_BIND, nullptr) != 0) {
            return base::fail_errno(errno, base::concat("bind a network namespace at ", path));
        }
        return {};
    });
    if (!made) {
        ::unlink(path.c_str());
    }
    return made;
}

bool is_net_namespace(std::string const& path) {
    struct statfs status{};
    return ::statfs(path.c_str(), &status) == 0 && status.f_type == NSFS_MAGIC;
}

base::Result<base::Descriptor> open_net_namespace(std::string const& path) {
    base::Descriptor netns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!netns) {
        return base::fail_errno(errno, base::concat("open network namespace ", path));
    }
    return netns;
}

base::Result<void> remove_net_namespace(std::string const& path) {
    // A crash while binding can have left more than one layer. EINVAL: a plain file.
    while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    }
    if (errno != EINVAL && errno != ENOENT) {
        return base::fail_errno(errno, base::concat("unbind network namespace ", path));
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return base::fail_errno(errno, base::concat("delete ", path));
    }
    return {};
}

base::Result<void> in_net_namespace(base::Descriptor const& netns,
                                    std::function<base::Result<void>()> const& work) {
    return on_own_thread([&]() -> base::Result<void> {
        if (::setns(netns.get(), CLONE_NEWNET) != 0) {
            return base::fail_errno(errno, "enter a network namespace");
        }
        return work();
    });
}

}  // namespace runtime
