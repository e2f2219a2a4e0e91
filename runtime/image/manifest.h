#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/image/image_store.h"

namespace runtime {

// The documents of the OCI image format and of `docker save`. Unknown members are ignored; a
// missing or mistyped one that is needed is an error.

struct Descriptor {
    std::string digest;
    std::string media_type;
    std::string os;            // empty: not said
    std::string architecture;  // empty: not said
    std::string name;          // of the image, from the annotations
    [[nodiscard]] bool is_index() const;
};

struct Manifest {
    std::string config_digest;
    std::vector<std::string> layer_digests;  // lowest first
};

struct DockerManifest {
    std::string config_name;
    std::vector<std::string> tags;
    std::vector<std::string> layer_names;  // lowest first
};

struct ConfigDocument {
    ImageConfig config;
    std::string os;
    std::string architecture;
};

[[nodiscard]] base::Result<std::vector<Descriptor>> parse_index(std::string_view text);
[[nodiscard]] base::Result<Manifest> parse_manifest(std::string_view text);
[[nodiscard]] base::Result<std::vector<DockerManifest>> parse_docker_manifest(
    std::string_view text);
[[nodiscard]] base::Result<ConfigDocument> parse_config(std::string_view text);

}  // namespace runtime
