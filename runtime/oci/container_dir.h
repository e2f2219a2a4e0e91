#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"
#include "runtime/container.h"
#include "runtime/image/image_store.h"
#include "runtime/network/network.h"
#include "runtime/oci/bundle.h"
#include "runtime/oci/fitting.h"

namespace runtime {

// What a container gets from its host.
struct Surroundings {
    Attachment attachment;
    std::string cgroup_path;
    std::string init_program;  // see HostAbilities
};

// The directory of one container, STATE/containers/ID: the OCI bundle, the layers of its root, and
// the records of runtime/oci/records.h. `lock` is held by its shim.
class ContainerDir {
public:
    explicit ContainerDir(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] std::string const& path() const { return path_; }

    [[nodiscard]] std::string root() const { return path_ + "/rootfs"; }

    [[nodiscard]] std::string file(std::string_view name) const;

    [[nodiscard]] base::Result<void> create() const;
    // An overlay of the layers (names below `layers_dir`, top first) with an upper layer of its
    // own. Changes the working directory of the calling thread alone.
    [[nodiscard]] base::Result<void> mount_root(std::string const& layers_dir,
                                                std::vector<std::string> const& layers) const;
    // config.json, and resolv.conf, hosts and hostname, which are mounted over the image's.
    [[nodiscard]] base::Result<void> write_bundle(ContainerSpec const& spec,
                                                  ImageConfig const& image, Fitted const& fitted,
                                                  Surroundings const& place) const;
    // Unmounts the root and removes the directory; nothing to do if it does not exist.
    [[nodiscard]] base::Result<void> destroy() const;
    // No shim begins to work here while the descriptor is held; none while one lives.
    [[nodiscard]] std::optional<base::Descriptor> try_lock() const;

private:
    std::string path_;
};

// The number of "SIGTERM", "TERM" or "15"; SIGTERM if empty, else an error.
[[nodiscard]] base::Result<int> parse_signal(std::string_view text);

}  // namespace runtime
