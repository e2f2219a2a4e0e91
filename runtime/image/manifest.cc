#include "runtime/image/manifest.h"

#include <boost/json.hpp>

#include "base/text.h"
#include "runtime/image/reference.h"

namespace runtime {
namespace {

namespace json = boost::json;

constexpr std::size_t items_max = 4096;

base::Result<json::value> parse(std::string_view text) {
    boost::system::error_code error;
    json::value value = json::parse({text.data(), text.size()}, error);
    if (error) {
        return base::fail(base::concat("no valid JSON: ", error.message()));
    }
    return value;
}

json::value const* member(json::value const& value, std::string_view name) {
    json::object const* const object = value.if_object();
    return object == nullptr ? nullptr : object->if_contains({name.data(), name.size()});
}

std::string text_member(json::value const& value, std::string_view name) {
    json::value const* const found = member(value, name);
    json::string const* const text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string() : std::string(text->data(), text->size());
}

std::vector<std::string> texts(json::value const& value, std::string_view name) {
    std::vector<std::string> result;
    json::value const* const found = member(value, name);
    json::array const* const array = found == nullptr ? nullptr : found->if_array();
    if (array != nullptr) {
        for (json::value const& item : *array) {
            if (json::string const* const text = item.if_string();
                text != nullptr && result.size() < items_max) {
                result.emplace_back(text->data(), text->size());
            }
        }
    }
    return result;
}

base::Result<json::array const*> array_member(json::value const& value, std::string_view name) {
    json::value const* const found = member(value, name);
    json::array const* const array = found == nullptr ? nullptr : found->if_array();
    if (array == nullptr || array->size() > items_max) {
        return base::fail(
            base::concat("'", name, "' is missing or no list of at most ", items_max));
    }
    return array;
}

base::Result<std::string> digest_member(json::value const& value) {
    std::string digest = text_member(value, "digest");
    if (!is_digest(digest)) {
        return base::fail(base::concat("'", digest, "' is no sha256 digest"));
    }
    return digest;
}

}  // namespace

bool Descriptor::is_index() const {
    return media_type == "application/vnd.oci.image.index.v1+json" ||
           media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

base::Result<std::vector<Descriptor>> parse_index(std::string_view text) {
    json::value const value = TRY(parse(text));
    std::vector<Descriptor> result;
    for (json::value const& item : *TRY(array_member(value, "manifests"))) {
        Descriptor descriptor;
        descriptor.digest = TRY(digest_member(item));
        descriptor.media_type = text_member(item, "mediaType");
        if (json::value const* const platform = member(item, "platform")) {
            descriptor.os = text_member(*platform, "os");
            descriptor.architecture = text_member(*platform, "architecture");
        }
        if (json::value const* const annotations = member(item, "annotations")) {
            descriptor.name = text_member(*annotations, "io.containerd.image.name");
            if (descriptor.name.empty()) {
                descriptor.name = text_member(*annotations, "org.opencontainers.image.ref.name");
            }
        }
        result.push_back(std::move(descriptor));
    }
    return result;
}

base::Result<Manifest> parse_manifest(std::string_view text) {
    json::value const value = TRY(parse(text));
    json::value const* const config = member(value, "config");
    if (config == nullptr) {
        return base::fail("'config' is missing");
    }
    Manifest manifest;
    manifest.config_digest = TRY(digest_member(*config));
    for (json::value const& layer : *TRY(array_member(value, "layers"))) {
        manifest.layer_digests.push_back(TRY(digest_member(layer)));
    }
    return manifest;
}

base::Result<std::vector<DockerManifest>> parse_docker_manifest(std::string_view text) {
    json::value const value = TRY(parse(text));
    json::array const* const array = value.if_array();
    if (array == nullptr || array->size() > items_max) {
        return base::fail("no list of images");
    }
    std::vector<DockerManifest> result;
    for (json::value const& item : *array) {
        DockerManifest manifest{.config_name = text_member(item, "Config"),
                                .tags = texts(item, "RepoTags"),
                                .layer_names = texts(item, "Layers")};
        if (manifest.config_name.empty()) {
            return base::fail("'Config' is missing");
        }
        result.push_back(std::move(manifest));
    }
    return result;
}

base::Result<ConfigDocument> parse_config(std::string_view text) {
    json::value const value = TRY(parse(text));
    json::value const* const root = member(value, "rootfs");
    if (root == nullptr) {
        return base::fail("'rootfs' is missing");
    }
    ConfigDocument document;
    document.os = text_member(value, "os");
    document.architecture = text_member(value, "architecture");
    ImageConfig& config = document.config;
    config.diff_ids = texts(*root, "diff_ids");
    for (std::string const& diff_id : config.diff_ids) {
        if (!is_digest(diff_id)) {
            return base::fail(base::concat("'", diff_id, "' is no sha256 digest"));
        }
    }
    if (json::value const* const defaults = member(value, "config")) {
        config.entrypoint = texts(*defaults, "Entrypoint");
        config.command = texts(*defaults, "Cmd");
        config.environment = texts(*defaults, "Env");
        config.working_dir = text_member(*defaults, "WorkingDir");
        config.user = text_member(*defaults, "User");
        config.stop_signal = text_member(*defaults, "StopSignal");
        json::value const* const ports = member(*defaults, "ExposedPorts");
        if (ports != nullptr && ports->is_object()) {
            for (auto const& port : ports->get_object()) {
                config.exposed_ports.emplace_back(port.key().data(), port.key().size());
            }
        }
    }
    return document;
}

}  // namespace runtime
