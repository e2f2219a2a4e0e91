#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace runtime {

class ImageSource;
struct LoadedImage;

// What an image says about its containers. An empty field says nothing.
struct ImageConfig {
    std::vector<std::string> entrypoint;
    std::vector<std::string> command;
    std::vector<std::string> environment;  // "NAME=value"
    std::string working_dir;
    std::string user;
    std::string stop_signal;
    std::vector<std::string> exposed_ports;  // "80/tcp"
    std::vector<std::string> diff_ids;       // "sha256:...", lowest layer first
};

struct Image {
    std::string id;  // "sha256:..." of its configuration
    ImageConfig config;
    // Names in ImageStore::layers_dir(), top layer first: short, for overlayfs takes one page.
    std::vector<std::string> layers;
};

struct ImageSummary {
    std::string id;
    std::vector<std::string> references;  // normalized, sorted
    std::uint64_t bytes{};                // of its files; a layer counts in each image that has it
};

// The images of one host in a directory:
//
//   images/HEX.json      an image's configuration; its name is its SHA-256
//   references/SHA256    one name of an image: two lines, the reference and the image's digest
//   layers/HEX           one unpacked layer, named by the first 28 digits of its diff id (112
//   bits),
//                        whiteouts in overlayfs form; shared by all images that have it
//   sizes/HEX            how many bytes the files of that layer have
//   temporary/           what is being loaded; emptied at open
//
// Everything is checked against its digest while it is read, and appears by rename: a crash leaves
// only something in temporary/. Safe to call from several threads; loads run one at a time.
class ImageStore {
public:
    static constexpr std::size_t layers_max = 128;
    static constexpr std::size_t document_size_max = 4 << 20;  // of a manifest or configuration
    static constexpr std::size_t references_max = 4096;

    [[nodiscard]] static base::Result<std::unique_ptr<ImageStore>> open(std::string directory);

    // Loads all images of an OCI layout (a tar or a directory) or of a `docker save` tar, for this
    // host's architecture. Layers are gzip, zstd or plain. Returns their references, or ids where
    // they have none. On error no image of the file has been added. An archive of over 64 GiB is
    // refused, and so is one that would leave less than 5 % of the disk free.
    [[nodiscard]] base::Result<std::vector<std::string>> load(std::string const& path);
    [[nodiscard]] base::Result<std::vector<std::string>> load(int fd);

    [[nodiscard]] base::Result<Image> find(std::string_view reference) const;
    // Sorted by id.
    [[nodiscard]] base::Result<std::vector<ImageSummary>> list() const;

    [[nodiscard]] std::string const& layers_dir() const { return layers_dir_; }

private:
    explicit ImageStore(std::string directory);

    [[nodiscard]] base::Result<std::vector<std::string>> load_archive(int fd);
    [[nodiscard]] base::Result<std::vector<std::string>> add_all(ImageSource const& source);
    [[nodiscard]] base::Result<std::string> add_image(LoadedImage const& image);
    [[nodiscard]] base::Result<void> add_layer(std::string const& path, std::string const& diff_id);
    [[nodiscard]] base::Result<void> add_reference(std::string const& reference,
                                                   std::string const& id);
    [[nodiscard]] std::uint64_t size_of(std::vector<std::string> const& layers) const;
    [[nodiscard]] base::Result<Image> read_image(std::string_view id) const;

    std::string directory_;
    std::string layers_dir_;
    std::mutex loading_;
};

}  // namespace runtime
