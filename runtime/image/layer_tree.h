#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "base/result.h"
#include "runtime/system/file.h"

namespace runtime {

struct LayerEntry {
    enum class Kind : std::uint8_t { directory, file, symlink, hard_link, device, fifo };
    std::string path;  // as in the archive
    Kind kind{};
    std::string target;  // of a link
    mode_t mode{};       // permissions; for a device its type too
    dev_t device{};
    uid_t uid{};
    gid_t gid{};
    timespec modified{};
    std::vector<std::pair<std::string, std::string>> attributes;  // extended
};

// The directory that a layer is unpacked into. A layer is written by a stranger: names are resolved
// as if the directory were the root of the file system, so that no name, link or order of entries
// reaches outside. Whiteouts become what overlayfs understands.
class LayerTree {
public:
    [[nodiscard]] static base::Result<LayerTree> open(std::string const& root);

    // Makes an entry, replacing what an earlier one of this name made. For a file: the descriptor
    // to write its contents to, then finish_file().
    [[nodiscard]] base::Result<base::Descriptor> add(LayerEntry const& entry);
    [[nodiscard]] static base::Result<void> finish_file(base::Descriptor const& file,
                                                        LayerEntry const& entry);

private:
    explicit LayerTree(base::Descriptor root) : root_(std::move(root)) {}

    [[nodiscard]] base::Result<base::Descriptor> open_inside(std::string const& path,
                                                             int flags) const;
    [[nodiscard]] base::Result<base::Descriptor> parent_of(
        std::vector<std::string_view> const& parts) const;
    [[nodiscard]] static base::Result<void> white_out(base::Descriptor const& parent,
                                                      std::string const& name);
    [[nodiscard]] static base::Result<bool> clear_place(base::Descriptor const& parent,
                                                        std::string const& name);
    [[nodiscard]] base::Result<base::Descriptor> add_directory(base::Descriptor const& parent,
                                                               std::string const& name,
                                                               LayerEntry const& entry) const;
    [[nodiscard]] base::Result<void> add_special(base::Descriptor const& parent,
                                                 std::string const& name,
                                                 LayerEntry const& entry) const;

    base::Descriptor root_;
};

}  // namespace runtime
