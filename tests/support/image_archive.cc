#include "tests/support/image_archive.h"

#include "base/text.h"
#include "runtime/image/sha256.h"
#include "tests/support/tar.h"

namespace support {
namespace {

#if defined(__x86_64__)
constexpr std::string_view host_architecture = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view host_architecture = "arm64";
#endif

std::string config_of(TestImage const& image) {
    std::string diff_ids;
    for (TestImage::Layer const& layer : image.layers) {
        diff_ids += base::concat(diff_ids.empty() ? "" : ",",
                                 "\"sha256:", runtime::sha256_hex(layer.tar), "\"");
    }
    std::string_view const architecture =
        image.architecture.empty() ? host_architecture : std::string_view(image.architecture);
    return base::concat(R"({"architecture":")", architecture, R"(","os":"linux","config":)",
                        image.config_json, R"(,"rootfs":{"type":"layers","diff_ids":[)", diff_ids,
                        "]}}");
}

std::string const& blob_of(TestImage::Layer const& layer) {
    return layer.blob.empty() ? layer.tar : layer.blob;
}

}  // namespace

std::string oci_archive(TestImage const& image) {
    Tar tar;
    auto const add = [&](std::string_view type, std::string const& blob) {
        std::string const hex = runtime::sha256_hex(blob);
        tar.file("blobs/sha256/" + hex, blob);
        return base::concat(R"({"mediaType":")", type, R"(","digest":"sha256:)", hex,
                            R"(","size":)", blob.size());
    };
    std::string layers;
    for (TestImage::Layer const& layer : image.layers) {
        layers += base::concat(layers.empty() ? "" : ",",
                               add("application/vnd.oci.image.layer.v1.tar", blob_of(layer)), "}");
    }
    std::string const config = add("application/vnd.oci.image.config.v1+json", config_of(image));
    std::string const manifest = add(
        "application/vnd.oci.image.manifest.v1+json",
        base::concat(R"({"schemaVersion":2,"config":)", config, R"(},"layers":[)", layers, "]}"));
    tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    tar.file("index.json", base::concat(R"({"schemaVersion":2,"manifests":[)", manifest,
                                        R"(,"annotations":{"org.opencontainers.image.ref.name":")",
                                        image.reference, R"("}}]})"));
    return tar.finish();
}

std::string docker_archive(TestImage const& image) {
    Tar tar;
    std::string const config = config_of(image);
    std::string const config_name = runtime::sha256_hex(config) + ".json";
    tar.file(config_name, config);
    std::string layers;
    for (std::size_t index = 0; index < image.layers.size(); ++index) {
        std::string const name = base::concat("layer", index, "/layer.tar");
        tar.file(name, blob_of(image.layers[index]));
        layers += base::concat(layers.empty() ? "\"" : ",\"", name, "\"");
    }
    tar.file("manifest.json", base::concat(R"([{"Config":")", config_name, R"(","RepoTags":[")",
                                           image.reference, R"("],"Layers":[)", layers, "]}]"));
    return tar.finish();
}

}  // namespace support
