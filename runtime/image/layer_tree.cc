#include "runtime/image/layer_tree.h"

#include <cerrno>
#include <span>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"

namespace runtime {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_marker = ".wh..wh..opq";
constexpr std::string_view reserved_prefix = ".wh..wh.";

// Names without "." and empty parts; an error where a name leads out.
base::Result<std::vector<std::string_view>> parts_of(std::string_view path) {
    if (path.starts_with('/')) {
        return base::fail(base::concat("layer entry '", path, "' has an absolute name"));
    }
    std::vector<std::string_view> parts;
    for (std::string_view const part : base::split(path, '/')) {
        if (part == "..") {
            return base::fail(base::concat("layer entry '", path, "' leads out of the layer"));
        }
        if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
    }
    return parts;
}

std::string joined(std::span<std::string_view const> parts) {
    std::string path = ".";
    for (std::string_view const part : parts) {
        path += '/';
        path += part;
    }
    return path;
}

bool is_whiteout(struct stat const& status) {
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

base::Result<void> make_opaque(int directory) {
    if (fsetxattr(directory, "trusted.overlay.opaque", "y", 1, 0) != 0) {
        return base::fail_errno(errno, "mark a layer's directory opaque");
    }
    return {};
}

// trusted.overlay.* would let an image steer overlayfs; the rest of trusted and security has no
// meaning in a container.
bool may_be_set(std::string_view attribute) {
    return attribute == "security.capability" || attribute.starts_with("user.");
}

base::Result<void> set_metadata(int fd, LayerEntry const& entry) {
    if (fchown(fd, entry.uid, entry.gid) != 0) {
        return base::fail_errno(errno, base::concat("set the owner of ", entry.path));
    }
    for (auto const& [name, value] : entry.attributes) {
        if (may_be_set(name) && fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0 &&
            errno != ENOTSUP && errno != EPERM) {
            return base::fail_errno(errno, base::concat("set ", name, " of ", entry.path));
        }
    }
    if (fchmod(fd, entry.mode & 07777) != 0) {
        return base::fail_errno(errno, base::concat("set the mode of ", entry.path));
    }
    timespec const times[2] = {entry.modified, entry.modified};
    futimens(fd, times);
    return {};
}

}  // namespace

base::Result<LayerTree> LayerTree::open(std::string const& root) {
    return LayerTree(TRY(open_file(root, O_RDONLY | O_DIRECTORY)));
}

base::Result<base::Descriptor> LayerTree::add(LayerEntry const& entry) {
    std::vector<std::string_view> parts = TRY(parts_of(entry.path));
    if (parts.empty()) {
        if (entry.kind == LayerEntry::Kind::directory) {
            TRY_VOID(set_metadata(root_.get(), entry));
        }
        return base::Descriptor();
    }
    std::string const name(parts.back());
    parts.pop_back();
    base::Descriptor const parent = TRY(parent_of(parts));
    if (name == opaque_marker) {
        TRY_VOID(make_opaque(parent.get()));
        return base::Descriptor();
    }
    if (name.starts_with(reserved_prefix)) {
        return base::Descriptor();
    }
    if (name.starts_with(whiteout_prefix)) {
        TRY_VOID(white_out(parent, name.substr(whiteout_prefix.size())));
        return base::Descriptor();
    }
    if (entry.kind == LayerEntry::Kind::directory) {
        return add_directory(parent, name, entry);
    }
    TRY_VOID(clear_place(parent, name));
    if (entry.kind == LayerEntry::Kind::file) {
        base::Descriptor file(openat(parent.get(), name.c_str(),
                                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file) {
            return base::fail_errno(errno, base::concat("create ", entry.path));
        }
        return file;
    }
    TRY_VOID(add_special(parent, name, entry));
    return base::Descriptor();
}

base::Result<void> LayerTree::finish_file(base::Descriptor const& file, LayerEntry const& entry) {
    return set_metadata(file.get(), entry);
}

base::Result<base::Descriptor> LayerTree::open_inside(std::string const& path, int flags) const {
    open_how how{};
    how.flags = static_cast<__u64>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    base::Descriptor fd(
        static_cast<int>(syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof(how))));
    if (!fd) {
        return base::fail_errno(errno, base::concat("open ", path, " of a layer"));
    }
    return fd;
}

base::Result<base::Descriptor> LayerTree::parent_of(
    std::vector<std::string_view> const& parts) const {
    if (auto whole = open_inside(joined(parts), O_RDONLY | O_DIRECTORY)) {
        return whole;
    }
    // A tar may leave out the entries of directories.
    base::Descriptor parent = TRY(open_inside(".", O_RDONLY | O_DIRECTORY));
    for (std::size_t count = 1; count <= parts.size(); ++count) {
        std::string const name(parts[count - 1]);
        mkdirat(parent.get(), name.c_str(), 0755);
        parent = TRY(open_inside(joined(std::span(parts).first(count)), O_RDONLY | O_DIRECTORY));
    }
    return parent;
}

base::Result<void> LayerTree::white_out(base::Descriptor const& parent, std::string const& name) {
    if (name.empty() || name == "." || name == "..") {
        return base::fail("a layer removes a file without a name");
    }
    struct stat status{};
    if (fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        // It removes what is below the layer, not what the layer itself brings.
        if (!S_ISDIR(status.st_mode)) {
            return {};
        }
        base::Descriptor const directory(
            openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        return make_opaque(directory.get());
    }
    if (mknodat(parent.get(), name.c_str(), S_IFCHR, makedev(0, 0)) != 0) {
        return base::fail_errno(errno, base::concat("make the whiteout of ", name));
    }
    return {};
}

// Makes room for an entry; tells whether a whiteout was there.
base::Result<bool> LayerTree::clear_place(base::Descriptor const& parent, std::string const& name) {
    struct stat status{};
    if (fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return false;
    }
    int const flags = S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0;
    if (unlinkat(parent.get(), name.c_str(), flags) != 0) {
        return base::fail_errno(errno, base::concat("replace ", name, " of a layer"));
    }
    return is_whiteout(status);
}

base::Result<base::Descriptor> LayerTree::add_directory(base::Descriptor const& parent,
                                                        std::string const& name,
                                                        LayerEntry const& entry) const {
    struct stat status{};
    bool const exists = fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    bool const keeps = exists && S_ISDIR(status.st_mode);
    bool was_whiteout = false;
    if (!keeps) {
        was_whiteout = TRY(clear_place(parent, name));
        if (mkdirat(parent.get(), name.c_str(), 0700) != 0) {
            return base::fail_errno(errno, base::concat("create ", entry.path));
        }
    }
    base::Descriptor const directory(
        openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) {
        return base::fail_errno(errno, base::concat("open ", entry.path));
    }
    if (was_whiteout) {
        TRY_VOID(make_opaque(directory.get()));
    }
    TRY_VOID(set_metadata(directory.get(), entry));
    return base::Descriptor();
}

base::Result<void> LayerTree::add_special(base::Descriptor const& parent, std::string const& name,
                                          LayerEntry const& entry) const {
    auto const answer = [&](int result, bool owned) -> base::Result<void> {
        if (result != 0) {
            return base::fail_errno(errno, base::concat("create ", entry.path));
        }
        if (owned &&
            fchownat(parent.get(), name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
            return base::fail_errno(errno, base::concat("set the owner of ", entry.path));
        }
        return {};
    };
    switch (entry.kind) {
        case LayerEntry::Kind::symlink:
            return answer(symlinkat(entry.target.c_str(), parent.get(), name.c_str()), true);
        case LayerEntry::Kind::hard_link: {
            std::vector<std::string_view> parts = TRY(parts_of(entry.target));
            if (parts.empty()) {
                return base::fail(base::concat("layer entry '", entry.path, "' links to nothing"));
            }
            std::string const target(parts.back());
            parts.pop_back();
            base::Descriptor const directory =
                TRY(open_inside(joined(parts), O_RDONLY | O_DIRECTORY));
            return answer(linkat(directory.get(), target.c_str(), parent.get(), name.c_str(), 0),
                          false);
        }
        case LayerEntry::Kind::device:
        case LayerEntry::Kind::fifo: {
            bool const device = entry.kind == LayerEntry::Kind::device;
            if (device && entry.device == makedev(0, 0)) {
                return base::fail(base::concat("layer entry '", entry.path, "' is device 0:0"));
            }
            TRY_VOID(answer(mknodat(parent.get(), name.c_str(),
                                    device ? entry.mode : (S_IFIFO | 0600), entry.device),
                            true));
            return answer(fchmodat(parent.get(), name.c_str(), entry.mode & 07777, 0), false);
        }
        case LayerEntry::Kind::directory:
        case LayerEntry::Kind::file:
            break;
    }
    return {};
}

}  // namespace runtime
