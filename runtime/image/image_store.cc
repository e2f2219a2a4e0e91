#include "runtime/image/image_store.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/image/archive.h"
#include "runtime/image/manifest.h"
#include "runtime/image/reference.h"
#include "runtime/image/sha256.h"
#include "runtime/system/file.h"

namespace runtime {
namespace {

#if defined(__x86_64__)
constexpr std::string_view host_architecture = "amd64";
#elif defined(__aarch64__)
constexpr std::string_view host_architecture = "arm64";
#endif

constexpr std::size_t images_per_file_max = 1024;
constexpr int index_depth_max = 3;
constexpr std::size_t layer_name_digits = 28;
constexpr std::size_t reference_file_max = 1024;
constexpr std::size_t size_file_max = 64;

std::string_view hex_of(std::string_view digest) {
    return digest.substr(digest.find(':') + 1);
}

std::string layer_name(std::string_view diff_id) {
    return std::string(hex_of(diff_id).substr(0, layer_name_digits));
}

base::Result<std::string> sha256_of_file(std::string const& path) {
    base::Descriptor const file = TRY(open_file(path, O_RDONLY));
    Sha256 hash;
    std::string buffer(65536, '\0');
    for (;;) {
        ssize_t const size = read(file.get(), buffer.data(), buffer.size());
        if (size < 0) {
            return base::fail_errno(errno, base::concat("read ", path));
        }
        if (size == 0) {
            return hash.finish();
        }
        hash.add(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
    }
}

std::unexpected<base::Error> fail_in(std::string_view name, base::Error const& error) {
    return base::fail(base::concat(name, ": ", error.message));
}

bool leads_out(std::string const& name) {
    auto const parts = base::split(name, '/');
    return name.starts_with('/') || std::ranges::find(parts, "..") != parts.end();
}

// Reading anything else could wait for ever.
bool is_regular_file(std::string const& path) {
    struct stat status{};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

// Where the files of an image come from: a directory as it is, or what an archive was staged to.
class ImageSource {
public:
    explicit ImageSource(std::string directory) : directory_(std::move(directory)) {}

    explicit ImageSource(std::map<std::string, StagedFile> staged) : staged_(std::move(staged)) {}

    [[nodiscard]] bool contains(std::string const& name) const { return path_of(name).has_value(); }

    [[nodiscard]] base::Result<std::string> path(std::string const& name) const {
        // Names come from the image's own documents.
        if (leads_out(name)) {
            return base::fail(base::concat("'", name, "' leads out of the image"));
        }
        std::optional<std::string> const found = path_of(name);
        if (!found) {
            return base::fail(base::concat(name, " is missing"));
        }
        return *found;
    }

    // The file that should have this digest, checked.
    [[nodiscard]] base::Result<std::string> blob(std::string_view digest) const {
        std::string const name = base::concat("blobs/sha256/", hex_of(digest));
        std::string const found = TRY(path(name));
        auto const at = staged_.find(name);
        std::string const actual =
            at != staged_.end() ? at->second.sha256 : TRY(sha256_of_file(found));
        if (actual != hex_of(digest)) {
            return base::fail(base::concat(name, " is damaged: its digest is ", actual));
        }
        return found;
    }

    [[nodiscard]] base::Result<std::string> document(std::string_view digest) const {
        std::string const found = TRY(blob(digest));
        return read_file(found, ImageStore::document_size_max);
    }

private:
    [[nodiscard]] std::optional<std::string> path_of(std::string const& name) const {
        if (!directory_.empty()) {
            std::string path = base::concat(directory_, "/", name);
            return is_regular_file(path) ? std::optional(std::move(path)) : std::nullopt;
        }
        auto const at = staged_.find(name);
        return at == staged_.end() ? std::nullopt : std::optional(at->second.path);
    }

    std::string directory_;
    std::map<std::string, StagedFile> staged_;
};

// One image of a source, before it is in the store.
struct LoadedImage {
    std::string config_text;
    std::vector<std::string> layer_paths;  // lowest first
    std::vector<std::string> names;
};

namespace {

base::Result<LoadedImage> find_oci_image(ImageSource const& source, Descriptor const& descriptor,
                                         std::string const& name) {
    auto const parsed = parse_manifest(TRY(source.document(descriptor.digest)));
    if (!parsed) {
        return fail_in(descriptor.digest, parsed.error());
    }
    LoadedImage image;
    image.config_text = TRY(source.document(parsed->config_digest));
    if (parsed->layer_digests.size() > ImageStore::layers_max) {
        return base::fail(base::concat("more than ", ImageStore::layers_max, " layers"));
    }
    for (std::string const& digest : parsed->layer_digests) {
        image.layer_paths.push_back(TRY(source.blob(digest)));
    }
    if (!name.empty()) {
        image.names.push_back(TRY(normalized_reference(name)));
        image.names.push_back(
            base::concat(repository_of(image.names.front()), "@", descriptor.digest));
    }
    return image;
}

bool fits_host(Descriptor const& descriptor) {
    return (descriptor.os.empty() || descriptor.os == "linux") &&
           (descriptor.architecture.empty() || descriptor.architecture == host_architecture);
}

base::Result<void> find_oci_images(ImageSource const& source, std::string_view index_text,
                                   std::string const& name, int depth,
                                   std::vector<LoadedImage>& found) {
    auto const index = parse_index(index_text);
    if (!index) {
        return fail_in("image index", index.error());
    }
    for (Descriptor const& descriptor : *index) {
        std::string const& own_name = descriptor.name.empty() ? name : descriptor.name;
        if (!fits_host(descriptor)) {
            continue;
        }
        if (found.size() >= images_per_file_max || depth >= index_depth_max) {
            return base::fail(base::concat("more than ", images_per_file_max,
                                           " images, or indexes nested deeper than ",
                                           index_depth_max));
        }
        if (descriptor.is_index()) {
            std::string const nested = TRY(source.document(descriptor.digest));
            TRY_VOID(find_oci_images(source, nested, own_name, depth + 1, found));
        } else {
            found.push_back(TRY(find_oci_image(source, descriptor, own_name)));
        }
    }
    return {};
}

base::Result<std::vector<LoadedImage>> find_docker_images(ImageSource const& source) {
    std::string const path = TRY(source.path("manifest.json"));
    auto const manifests =
        parse_docker_manifest(TRY(read_file(path, ImageStore::document_size_max)));
    if (!manifests) {
        return fail_in("manifest.json", manifests.error());
    }
    std::vector<LoadedImage> found;
    for (DockerManifest const& manifest : *manifests) {
        LoadedImage image;
        std::string const config = TRY(source.path(manifest.config_name));
        image.config_text = TRY(read_file(config, ImageStore::document_size_max));
        for (std::string const& layer : manifest.layer_names) {
            image.layer_paths.push_back(TRY(source.path(layer)));
        }
        for (std::string const& tag : manifest.tags) {
            image.names.push_back(TRY(normalized_reference(tag)));
        }
        found.push_back(std::move(image));
    }
    return found;
}

}  // namespace

ImageStore::ImageStore(std::string directory)
    : directory_(std::move(directory)), layers_dir_(base::concat(directory_, "/layers")) {}

base::Result<std::unique_ptr<ImageStore>> ImageStore::open(std::string directory) {
    TRY_VOID(remove_tree(base::concat(directory, "/temporary")));
    for (char const* const part : {"images", "references", "layers", "sizes", "temporary"}) {
        TRY_VOID(make_directories(base::concat(directory, "/", part)));
    }
    return std::unique_ptr<ImageStore>(new ImageStore(std::move(directory)));
}

base::Result<std::vector<std::string>> ImageStore::load(std::string const& path) {
    // Without O_NONBLOCK opening a named pipe would wait for its writer.
    base::Descriptor const file = TRY(open_file(path, O_RDONLY | O_NONBLOCK));
    struct stat status{};
    if (fstat(file.get(), &status) != 0 || (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))) {
        return base::fail(base::concat(path, " is neither a file nor a directory"));
    }
    std::lock_guard const lock(loading_);
    auto const names =
        S_ISDIR(status.st_mode) ? add_all(ImageSource(path)) : load_archive(file.get());
    if (!names) {
        return fail_in(path, names.error());
    }
    return names;
}

base::Result<std::vector<std::string>> ImageStore::load(int fd) {
    std::lock_guard const lock(loading_);
    return load_archive(fd);
}

base::Result<std::vector<std::string>> ImageStore::load_archive(int fd) {
    std::string const stage = base::concat(directory_, "/temporary/stage");
    TRY_VOID(remove_tree(stage));
    TRY_VOID(make_directories(stage));
    auto names = [&]() -> base::Result<std::vector<std::string>> {
        auto staged = stage_archive(fd, stage);
        if (!staged) {
            return base::fail(
                base::concat("cannot be read as an image archive: ", staged.error().message));
        }
        return add_all(ImageSource(std::move(*staged)));
    }();
    TRY_VOID(remove_tree(stage));
    return names;
}

base::Result<std::vector<std::string>> ImageStore::add_all(ImageSource const& source) {
    std::vector<LoadedImage> images;
    if (source.contains("index.json")) {
        std::string const path = TRY(source.path("index.json"));
        std::string const index = TRY(read_file(path, document_size_max));
        TRY_VOID(find_oci_images(source, index, "", 0, images));
    } else if (source.contains("manifest.json")) {
        images = TRY(find_docker_images(source));
    } else {
        return base::fail(
            "neither an OCI layout (index.json) nor a `docker save` archive (manifest.json)");
    }
    if (images.empty()) {
        return base::fail(base::concat("no image for linux/", host_architecture));
    }
    std::vector<std::string> ids;
    for (LoadedImage const& image : images) {
        ids.push_back(TRY(add_image(image)));
    }
    std::vector<std::string> result;
    for (std::size_t index = 0; index < images.size(); ++index) {
        for (std::string const& name : images[index].names) {
            TRY_VOID(add_reference(name, ids[index]));
        }
        result.push_back(images[index].names.empty() ? ids[index] : images[index].names.front());
    }
    return result;
}

base::Result<std::string> ImageStore::add_image(LoadedImage const& image) {
    auto const parsed = parse_config(image.config_text);
    if (!parsed) {
        return fail_in("image configuration", parsed.error());
    }
    if ((!parsed->os.empty() && parsed->os != "linux") ||
        (!parsed->architecture.empty() && parsed->architecture != host_architecture)) {
        return base::fail(base::concat("the image is for ", parsed->os, "/", parsed->architecture,
                                       ", this host is linux/", host_architecture));
    }
    std::vector<std::string> const& diff_ids = parsed->config.diff_ids;
    if (diff_ids.size() != image.layer_paths.size() || diff_ids.size() > layers_max) {
        return base::fail(base::concat("the image has ", image.layer_paths.size(),
                                       " layers, but its configuration names ", diff_ids.size(),
                                       "; at most ", layers_max, " are possible"));
    }
    for (std::size_t index = 0; index < diff_ids.size(); ++index) {
        TRY_VOID(add_layer(image.layer_paths[index], diff_ids[index]));
    }
    std::string const hex = sha256_hex(image.config_text);
    TRY_VOID(replace_file(base::concat(directory_, "/images/", hex, ".json"), image.config_text));
    return base::concat("sha256:", hex);
}

base::Result<void> ImageStore::add_layer(std::string const& path, std::string const& diff_id) {
    std::string const target = base::concat(layers_dir_, "/", layer_name(diff_id));
    if (file_exists(target)) {
        return {};
    }
    std::string const root = base::concat(directory_, "/temporary/layer");
    TRY_VOID(remove_tree(root));
    TRY_VOID(make_directories(root));
    auto const unpacked = unpack_layer(path, root);
    if (!unpacked || unpacked->sha256 != hex_of(diff_id)) {
        TRY_VOID(remove_tree(root));
        return base::fail(
            base::concat("layer ", diff_id, ": ",
                         unpacked ? base::concat("is damaged: its digest is ", unpacked->sha256)
                                  : unpacked.error().message));
    }
    // Before the layer, so that each layer has it.
    TRY_VOID(replace_file(base::concat(directory_, "/sizes/", layer_name(diff_id)),
                          base::concat(unpacked->bytes, "\n")));
    base::Descriptor const directory = TRY(open_file(root, O_RDONLY | O_DIRECTORY));
    if (syncfs(directory.get()) != 0 || rename(root.c_str(), target.c_str()) != 0) {
        return base::fail_errno(errno, base::concat("keep layer ", target));
    }
    return {};
}

base::Result<void> ImageStore::add_reference(std::string const& reference, std::string const& id) {
    std::string const directory = base::concat(directory_, "/references");
    std::string const path = base::concat(directory, "/", sha256_hex(reference));
    if (!file_exists(path) && list_directory(directory).size() >= references_max) {
        return base::fail(base::concat("more than ", references_max, " image references"));
    }
    return replace_file(path, base::concat(reference, "\n", id, "\n"));
}

base::Result<Image> ImageStore::find(std::string_view reference) const {
    std::string const name = TRY(normalized_reference(reference));
    auto const missing = [&] {
        return base::fail(
            base::concat("image ", name, " is not on this host: load it with `agent image load`"));
    };
    if (is_digest(name)) {
        return file_exists(base::concat(directory_, "/images/", hex_of(name), ".json"))
                   ? read_image(name)
                   : missing();
    }
    std::string const path = base::concat(directory_, "/references/", sha256_hex(name));
    if (!file_exists(path)) {
        return missing();
    }
    std::string const text = TRY(read_file(path, reference_file_max));
    auto const lines = base::split(text, '\n');
    if (lines.size() < 2 || !is_digest(lines[1])) {
        return base::fail(base::concat(path, " is damaged: load ", name, " again"));
    }
    return read_image(lines[1]);
}

base::Result<Image> ImageStore::read_image(std::string_view id) const {
    std::string const path = base::concat(directory_, "/images/", hex_of(id), ".json");
    std::string const text = TRY(read_file(path, document_size_max));
    if (sha256_hex(text) != hex_of(id)) {
        return base::fail(base::concat(path, " is damaged: load the image again"));
    }
    auto parsed = parse_config(text);
    if (!parsed) {
        return fail_in(path, parsed.error());
    }
    Image image{.id = std::string(id), .config = std::move(parsed->config), .layers = {}};
    for (std::string const& diff_id : image.config.diff_ids) {
        image.layers.push_back(layer_name(diff_id));
    }
    std::ranges::reverse(image.layers);
    return image;
}

std::uint64_t ImageStore::size_of(std::vector<std::string> const& layers) const {
    std::uint64_t bytes = 0;
    for (std::string const& layer : layers) {
        auto const text = read_file(base::concat(directory_, "/sizes/", layer), size_file_max);
        if (text) {
            bytes += base::parse_integer<std::uint64_t>(base::trim(*text)).value_or(0);
        }
    }
    return bytes;
}

base::Result<std::vector<ImageSummary>> ImageStore::list() const {
    std::map<std::string, ImageSummary> images;
    for (std::string const& file : list_directory(base::concat(directory_, "/images"))) {
        if (file.ends_with(".json")) {
            std::string const id = base::concat("sha256:", file.substr(0, file.size() - 5));
            images[id].id = id;
            // A damaged image is listed, too: find() says what is wrong with it.
            if (auto const image = read_image(id)) {
                images[id].bytes = size_of(image->layers);
            }
        }
    }
    for (std::string const& file : list_directory(base::concat(directory_, "/references"))) {
        std::string const path = base::concat(directory_, "/references/", file);
        std::string const text = TRY(read_file(path, reference_file_max));
        auto const lines = base::split(text, '\n');
        auto const at = lines.size() < 2 ? images.end() : images.find(std::string(lines[1]));
        if (at != images.end()) {
            at->second.references.emplace_back(lines[0]);
        }
    }
    std::vector<ImageSummary> result;
    for (auto& [id, summary] : images) {
        std::ranges::sort(summary.references);
        result.push_back(std::move(summary));
    }
    return result;
}

}  // namespace runtime
