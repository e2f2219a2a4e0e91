#include "runtime/image/archive.h"

#include <cerrno>
#include <clocale>
#include <cstdint>
#include <filesystem>
#include <memory>

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/image/layer_tree.h"
#include "runtime/image/sha256.h"
#include "runtime/system/file.h"

namespace runtime {
namespace {

constexpr std::size_t block_size = 65536;
constexpr std::size_t staged_files_max = 16384;
constexpr std::size_t layer_entries_max = 1 << 20;
constexpr std::uint64_t layer_bytes_max = 64ULL << 30;
constexpr std::uint64_t staged_bytes_max = 64ULL << 30;  // of one archive
constexpr std::uint64_t disk_free_percent_min = 5;

struct ArchiveCloser {
    void operator()(archive* open) const { archive_read_free(open); }
};

using Archive = std::unique_ptr<archive, ArchiveCloser>;

// libarchive converts names to the character set of the locale; only in UTF-8 nothing is lost.
class Utf8Locale {
public:
    Utf8Locale()
        : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)), before_(uselocale(locale_)) {}

    Utf8Locale(Utf8Locale const&) = delete;
    Utf8Locale& operator=(Utf8Locale const&) = delete;

    ~Utf8Locale() {
        uselocale(before_);
        if (locale_ != nullptr) {
            freelocale(locale_);
        }
    }

private:
    locale_t locale_;
    locale_t before_;
};

std::string text_of(char const* text) {
    return text == nullptr ? std::string() : text;
}

std::string name_of(archive_entry* entry) {
    char const* const name = archive_entry_pathname(entry);
    return text_of(name != nullptr ? name : archive_entry_pathname_utf8(entry));
}

base::Result<Archive> open_compressed(int fd, bool tar) {
    Archive opened(archive_read_new());
    archive_read_support_filter_gzip(opened.get());
    archive_read_support_filter_zstd(opened.get());
    if (tar) {
        archive_read_support_format_tar(opened.get());
    } else {
        archive_read_support_format_raw(opened.get());
        archive_read_support_format_empty(opened.get());
    }
    if (archive_read_open_fd(opened.get(), fd, block_size) != ARCHIVE_OK) {
        return base::fail(text_of(archive_error_string(opened.get())));
    }
    return opened;
}

// The next entry, or none at the end.
base::Result<archive_entry*> next_entry(Archive const& opened) {
    archive_entry* entry = nullptr;
    int const result = archive_read_next_header(opened.get(), &entry);
    if (result == ARCHIVE_EOF) {
        return nullptr;
    }
    if (result < ARCHIVE_WARN) {
        return base::fail(text_of(archive_error_string(opened.get())));
    }
    return entry;
}

// A small archive can unpack to any size, and a full disk would harm all that runs on the host.
base::Result<void> check_room(base::Descriptor const& file) {
    struct statvfs disk{};
    if (fstatvfs(file.get(), &disk) != 0) {
        return base::fail_errno(errno, "ask how full the disk is");
    }
    if (disk.f_bavail * 100 < disk.f_blocks * disk_free_percent_min) {
        return base::fail(base::concat("the disk has less than ", disk_free_percent_min,
                                       " % free: make room for the image"));
    }
    return {};
}

// Adds to `total` what it copies.
base::Result<std::string> copy_out(Archive const& opened, std::string const& path,
                                   std::uint64_t& total) {
    base::Descriptor const file = TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    Sha256 hash;
    std::string buffer(block_size, '\0');
    for (;;) {
        la_ssize_t const size = archive_read_data(opened.get(), buffer.data(), buffer.size());
        if (size < 0) {
            return base::fail(text_of(archive_error_string(opened.get())));
        }
        if (size == 0) {
            return hash.finish();
        }
        std::string_view const part(buffer.data(), static_cast<std::size_t>(size));
        total += part.size();
        if (total > staged_bytes_max) {
            return base::fail(base::concat("more than ", staged_bytes_max >> 30, " GiB"));
        }
        TRY_VOID(check_room(file));
        hash.add(part);
        TRY_VOID(write_all(file.get(), part));
    }
}

std::string plain_name(std::string const& name) {
    return std::filesystem::path(name).lexically_normal().string();
}

// The bytes of an uncompressed layer on their way from the decompressor to the tar reader.
struct LayerStream {
    Archive compressed;
    Sha256 hash{};
    std::string buffer = std::string(block_size, '\0');
    std::string error{};

    la_ssize_t next() {
        la_ssize_t const size = archive_read_data(compressed.get(), buffer.data(), buffer.size());
        if (size < 0) {
            error = text_of(archive_error_string(compressed.get()));
        } else {
            hash.add(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
        }
        return size;
    }
};

la_ssize_t read_layer(archive* reader, void* context, void const** block) {
    auto& stream = *static_cast<LayerStream*>(context);
    la_ssize_t const size = stream.next();
    if (size < 0) {
        archive_set_error(reader, EIO, "%s", stream.error.c_str());
    }
    *block = stream.buffer.data();
    return size;
}

base::Result<LayerEntry> describe(archive_entry* entry) {
    LayerEntry result;
    result.path = name_of(entry);
    result.mode = archive_entry_mode(entry);
    result.device = archive_entry_rdev(entry);
    result.uid = static_cast<uid_t>(archive_entry_uid(entry));
    result.gid = static_cast<gid_t>(archive_entry_gid(entry));
    result.modified = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
    char const* const hard_link = archive_entry_hardlink(entry);
    auto const type = archive_entry_filetype(entry);
    if (hard_link != nullptr) {
        result.kind = LayerEntry::Kind::hard_link;
        result.target = hard_link;
    } else if (type == AE_IFDIR) {
        result.kind = LayerEntry::Kind::directory;
    } else if (type == AE_IFREG) {
        result.kind = LayerEntry::Kind::file;
    } else if (type == AE_IFLNK) {
        result.kind = LayerEntry::Kind::symlink;
        result.target = text_of(archive_entry_symlink(entry));
    } else if (type == AE_IFCHR || type == AE_IFBLK) {
        result.kind = LayerEntry::Kind::device;
    } else if (type == AE_IFIFO) {
        result.kind = LayerEntry::Kind::fifo;
    } else {
        return base::fail(base::concat("layer entry '", result.path, "' is of an unknown kind"));
    }
    archive_entry_xattr_reset(entry);
    char const* name = nullptr;
    void const* value = nullptr;
    std::size_t size = 0;
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        result.attributes.emplace_back(name, std::string(static_cast<char const*>(value), size));
    }
    return result;
}

base::Result<void> write_contents(Archive const& tar, base::Descriptor const& file,
                                  std::int64_t size) {
    void const* block = nullptr;
    std::size_t block_bytes = 0;
    la_int64_t offset = 0;
    for (;;) {
        int const result = archive_read_data_block(tar.get(), &block, &block_bytes, &offset);
        if (result == ARCHIVE_EOF) {
            break;
        }
        if (result < ARCHIVE_WARN) {
            return base::fail(text_of(archive_error_string(tar.get())));
        }
        TRY_VOID(check_room(file));
        // Sparse files come with gaps.
        if (lseek(file.get(), offset, SEEK_SET) < 0) {
            return base::fail_errno(errno, "write a layer");
        }
        TRY_VOID(
            write_all(file.get(), std::string_view(static_cast<char const*>(block), block_bytes)));
    }
    if (ftruncate(file.get(), size) != 0) {
        return base::fail_errno(errno, "write a layer");
    }
    return {};
}

// Returns the bytes of its files.
base::Result<std::uint64_t> unpack_entries(Archive const& tar, LayerTree& tree) {
    std::uint64_t bytes = 0;
    for (std::size_t count = 0;; ++count) {
        archive_entry* const entry = TRY(next_entry(tar));
        if (entry == nullptr) {
            return bytes;
        }
        bytes += static_cast<std::uint64_t>(archive_entry_size(entry));
        if (count >= layer_entries_max || bytes > layer_bytes_max) {
            return base::fail(base::concat("a layer has more than ", layer_entries_max,
                                           " entries or ", layer_bytes_max >> 30, " GiB"));
        }
        LayerEntry const described = TRY(describe(entry));
        base::Descriptor const file = TRY(tree.add(described));
        if (file) {
            TRY_VOID(write_contents(tar, file, archive_entry_size(entry)));
            TRY_VOID(LayerTree::finish_file(file, described));
        }
    }
}

}  // namespace

base::Result<std::map<std::string, StagedFile>> stage_archive(int fd,
                                                              std::string const& directory) {
    Utf8Locale const locale;
    Archive const opened = TRY(open_compressed(fd, true));
    std::map<std::string, StagedFile> staged;
    std::map<std::string, std::string> links;
    std::uint64_t bytes = 0;
    for (std::size_t count = 0;; ++count) {
        archive_entry* const entry = TRY(next_entry(opened));
        if (entry == nullptr) {
            break;
        }
        if (count >= staged_files_max) {
            return base::fail(base::concat("more than ", staged_files_max, " files"));
        }
        std::string const name = plain_name(name_of(entry));
        if (char const* const target = archive_entry_hardlink(entry)) {
            links[name] = plain_name(target);
        } else if (char const* const symlink = archive_entry_symlink(entry)) {
            auto const parent = std::filesystem::path(name).parent_path();
            links[name] = plain_name((parent / symlink).string());
        } else if (archive_entry_filetype(entry) == AE_IFREG) {
            std::string const path = base::concat(directory, "/", count);
            staged[name] = {path, TRY(copy_out(opened, path, bytes))};
        }
    }
    for (auto const& [name, target] : links) {
        auto const at = staged.find(target);
        if (at != staged.end()) {
            staged[name] = at->second;
        }
    }
    return staged;
}

base::Result<UnpackedLayer> unpack_layer(std::string const& path, std::string const& root) {
    Utf8Locale const locale;
    base::Descriptor const file = TRY(open_file(path, O_RDONLY));
    LayerStream stream{.compressed = TRY(open_compressed(file.get(), false))};
    TRY_VOID(next_entry(stream.compressed));
    Archive const tar(archive_read_new());
    archive_read_support_format_tar(tar.get());
    archive_read_support_format_empty(tar.get());
    if (archive_read_open(tar.get(), &stream, nullptr, read_layer, nullptr) != ARCHIVE_OK) {
        return base::fail(text_of(archive_error_string(tar.get())));
    }
    LayerTree tree = TRY(LayerTree::open(root));
    std::uint64_t const bytes = TRY(unpack_entries(tar, tree));
    // The digest covers the padding after the last entry, too.
    la_ssize_t size = 0;
    while ((size = stream.next()) > 0) {
    }
    if (size < 0) {
        return base::fail(stream.error);
    }
    return UnpackedLayer{stream.hash.finish(), bytes};
}

}  // namespace runtime
