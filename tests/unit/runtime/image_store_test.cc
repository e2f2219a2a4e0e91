#include "runtime/image/image_store.h"

#include <array>
#include <filesystem>

#include <archive.h>
#include <archive_entry.h>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/image/sha256.h"
#include "runtime/system/file.h"
#include "tests/support/busybox_image.h"
#include "tests/support/image_archive.h"
#include "tests/support/tar.h"

namespace {

namespace fs = std::filesystem;
using support::Tar;
using support::TestImage;

struct Store {
    std::string directory;
    std::unique_ptr<runtime::ImageStore> store;

    Store() {
        char path[] = "/tmp/covey-image-test.XXXXXX";
        REQUIRE(mkdtemp(path) != nullptr);
        directory = path;
        reopen();
    }

    ~Store() { fs::remove_all(directory); }

    void reopen() {
        auto opened = runtime::ImageStore::open(directory + "/state");
        REQUIRE(opened);
        store = std::move(*opened);
    }

    [[nodiscard]] base::Result<std::vector<std::string>> load(std::string const& bytes) const {
        std::string const path = directory + "/image.tar";
        auto const file = runtime::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        REQUIRE(file);
        REQUIRE(runtime::write_all(file->get(), bytes));
        return store->load(path);
    }

    // Loads an image of these layers and gives the directory of the top one.
    [[nodiscard]] base::Result<std::string> layer(Tar const& tar) const {
        TestImage const image{.reference = "test", .layers = {{tar.finish()}}};
        TRY_VOID(load(oci_archive(image)));
        runtime::Image const found = TRY(store->find("test"));
        return store->layers_dir() + "/" + found.layers.front();
    }

    [[nodiscard]] std::string error(std::string const& bytes) const {
        auto const result = load(bytes);
        return result ? "no error" : result.error().message;
    }
};

struct stat status_of(std::string const& path) {
    struct stat status{};
    INFO(path);
    REQUIRE(lstat(path.c_str(), &status) == 0);
    return status;
}

bool is_opaque(std::string const& path) {
    char value[2] = {};
    return getxattr(path.c_str(), "trusted.overlay.opaque", value, sizeof(value)) == 1 &&
           value[0] == 'y';
}

bool is_whiteout(std::string const& path) {
    struct stat const status = status_of(path);
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

std::string compressed(std::string const& text, int (*add_filter)(archive*)) {
    std::string result(text.size() + 4096, '\0');
    std::size_t used = 0;
    archive* const writer = archive_write_new();
    add_filter(writer);
    archive_write_set_format_raw(writer);
    archive_write_open_memory(writer, result.data(), result.size(), &used);
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(writer, entry);
    archive_write_data(writer, text.data(), text.size());
    archive_entry_free(entry);
    archive_write_free(writer);
    result.resize(used);
    return result;
}

}  // namespace

TEST_CASE("an image is loaded from an OCI layout and from a docker archive") {
    auto const format = GENERATE(support::ImageFormat::oci, support::ImageFormat::docker);
    Store const test;
    std::string const path = test.directory + "/busybox.tar";
    REQUIRE(write_busybox_image(path, "busybox", format));
    auto const names = test.store->load(path);
    REQUIRE(names);
    CHECK(*names == std::vector<std::string>{"docker.io/library/busybox:latest"});

    auto const image = test.store->find("busybox");
    REQUIRE(image);
    CHECK(image->config.command == std::vector<std::string>{"sh"});
    REQUIRE(image->layers.size() == 1);
    std::string const layer = test.store->layers_dir() + "/" + image->layers[0];
    CHECK((status_of(layer + "/bin/busybox").st_mode & 07777) == 0755);
    CHECK((status_of(layer + "/tmp").st_mode & 07777) == 01777);
    CHECK(fs::read_symlink(layer + "/bin/sh") == "busybox");
    CHECK(test.store->find(image->id));

    auto const listed = test.store->list();
    REQUIRE(listed);
    REQUIRE(listed->size() == 1);
    CHECK(listed->front().id == image->id);
    CHECK(std::ranges::count(listed->front().references, "docker.io/library/busybox:latest") == 1);
}

TEST_CASE("an OCI layout may be a directory") {
    Store const test;
    TestImage const image{.reference = "a", .layers = {{Tar().file("x", "1").finish()}}};
    std::string const tar = test.directory + "/layout.tar";
    auto const file = runtime::open_file(tar, O_WRONLY | O_CREAT, 0600);
    REQUIRE(runtime::write_all(file->get(), oci_archive(image)));
    std::string const layout = test.directory + "/layout";
    fs::create_directory(layout);
    REQUIRE(std::system(("tar -xf " + tar + " -C " + layout).c_str()) == 0);
    REQUIRE(test.store->load(layout));
    CHECK(test.store->find("a"));
    std::string const blob = layout + "/blobs/sha256/" + runtime::sha256_hex(image.layers[0].tar);
    REQUIRE(truncate(blob.c_str(), 100) == 0);
    auto const damaged = test.store->load(layout);
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().message.contains("is damaged"));
}

TEST_CASE("layers are plain, gzip or zstd, and lie top first") {
    Store const test;
    std::string const one = Tar().file("one", "1").finish();
    std::string const two = Tar().file("two", "2").finish();
    std::string const three = Tar().file("three", "3").finish();
    TestImage const image{.reference = "stack:v1",
                          .layers = {{one},
                                     {two, compressed(two, archive_write_add_filter_gzip)},
                                     {three, compressed(three, archive_write_add_filter_zstd)}}};
    REQUIRE(test.load(oci_archive(image)));
    auto const found = test.store->find("stack:v1");
    REQUIRE(found);
    REQUIRE(found->layers.size() == 3);
    std::string const layers = test.store->layers_dir() + "/";
    CHECK(fs::exists(layers + found->layers[0] + "/three"));
    CHECK(fs::exists(layers + found->layers[1] + "/two"));
    CHECK(fs::exists(layers + found->layers[2] + "/one"));
    CHECK(test.store->list()->front().bytes == 3);
}

TEST_CASE("whiteouts become what overlayfs understands") {
    Store const test;
    auto const layer = test.layer(Tar()
                                      .directory("a")
                                      .file("a/.wh.gone", "")
                                      .directory("b")
                                      .file("b/.wh..wh..opq", "")
                                      .file(".wh.replaced", "")
                                      .directory("replaced")
                                      .directory("brought")
                                      .file(".wh.brought", "")
                                      .file("kept", "k")
                                      .file(".wh.kept", ""));
    REQUIRE(layer);
    CHECK(is_whiteout(*layer + "/a/gone"));
    CHECK(is_opaque(*layer + "/b"));
    CHECK_FALSE(is_opaque(*layer + "/a"));
    CHECK(is_opaque(*layer + "/replaced"));
    CHECK(is_opaque(*layer + "/brought"));
    CHECK(S_ISREG(status_of(*layer + "/kept").st_mode));
    CHECK_FALSE(fs::exists(*layer + "/a/.wh.gone"));
}

TEST_CASE("links, modes and missing parent directories are kept as the layer says") {
    Store const test;
    auto const layer = test.layer(Tar()
                                      .file("deep/er/file", "x", 04755)
                                      .hard_link("same", "deep/er/file")
                                      .symlink("lib", "deep")
                                      .file("lib/through", "y")
                                      .file("twice", "old")
                                      .file("twice", "new")
                                      .file("\xc3\xa4", "umlaut"));
    REQUIRE(layer);
    CHECK((status_of(*layer + "/deep/er/file").st_mode & 07777) == 04755);
    CHECK(status_of(*layer + "/same").st_ino == status_of(*layer + "/deep/er/file").st_ino);
    CHECK(fs::exists(*layer + "/deep/through"));
    CHECK(*runtime::read_file(*layer + "/twice", 10) == "new");
    CHECK(fs::exists(*layer + "/\xc3\xa4"));
}

TEST_CASE("a layer cannot reach outside") {
    Store const test;
    std::string const outside = test.directory + "/outside";
    fs::create_directory(outside);
    auto const absolute = test.layer(Tar().file("/etc/covey-escape", "x"));
    REQUIRE_FALSE(absolute);
    CHECK(absolute.error().message.contains("absolute name"));
    auto const up = test.layer(Tar().file("a/../../x", "x"));
    REQUIRE_FALSE(up);
    CHECK(up.error().message.contains("leads out of the layer"));
    CHECK_FALSE(test.layer(Tar().hard_link("passwd", "../../../../../../etc/passwd")));
    CHECK_FALSE(test.layer(Tar().symlink("out", outside).file("out/x", "x")));
    CHECK_FALSE(test.layer(Tar().symlink("out", "../../../../../.." + outside).file("out/x", "x")));
    CHECK_FALSE(test.layer(Tar().symlink("out", "/etc").hard_link("p", "out/passwd")));
    // The link itself is replaced, not followed.
    REQUIRE(test.layer(Tar().symlink("out", outside + "/x").file("out", "x")));
    CHECK(fs::is_empty(outside));
    CHECK(fs::is_empty(test.directory + "/state/temporary"));
}

TEST_CASE("an image that would fill the disk is refused and leaves nothing") {
    Store test;
    std::string const state = test.directory + "/state";
    REQUIRE(mount("tmpfs", state.c_str(), "tmpfs", 0, "size=2m") == 0);
    test.reopen();
    std::string const large(4 << 20, '\0');
    std::string const layer = Tar().file("large", large).finish();
    // Small on its way, too large when staged, and too large when unpacked.
    TestImage image{.reference = "x", .layers = {{layer}}};
    CHECK(test.error(compressed(oci_archive(image), archive_write_add_filter_gzip))
              .contains("less than 5 % free"));
    image.layers[0].blob = compressed(layer, archive_write_add_filter_gzip);
    CHECK(test.error(oci_archive(image)).contains("less than 5 % free"));
    CHECK(fs::is_empty(state + "/temporary"));
    CHECK(fs::is_empty(state + "/layers"));
    test.store.reset();
    REQUIRE(umount(state.c_str()) == 0);
}

TEST_CASE("what is neither a file nor a directory is refused at once") {
    Store const test;
    std::string const pipe = test.directory + "/pipe";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(test.store->load(pipe).error().message.contains("neither a file nor a directory"));
    std::string const layout = test.directory + "/layout";
    fs::create_directory(layout);
    REQUIRE(mkfifo((layout + "/index.json").c_str(), 0600) == 0);
    CHECK(test.store->load(layout).error().message.contains("neither an OCI layout"));
}

TEST_CASE("the names in an image's documents stay inside its directory") {
    Store const test;
    std::string const layout = test.directory + "/layout";
    fs::create_directory(layout);
    std::string const outside = test.directory + "/outside.json";
    REQUIRE(runtime::replace_file(outside, R"({"rootfs":{"diff_ids":[]}})"));
    REQUIRE(runtime::replace_file(layout + "/inside.json", R"({"rootfs":{"diff_ids":[]}})"));
    auto const error = [&](std::string const& config, std::string const& layers) {
        REQUIRE(runtime::replace_file(
            layout + "/manifest.json",
            base::concat(R"([{"Config":")", config, R"(","Layers":[)", layers, "]}]")));
        auto const result = test.store->load(layout);
        return result ? "no error" : result.error().message;
    };
    CHECK(error("inside.json", "") == "no error");
    CHECK(error("../outside.json", "").contains("leads out of the image"));
    CHECK(error("a/../../outside.json", "").contains("leads out of the image"));
    CHECK(error(outside, "").contains("leads out of the image"));
    CHECK(error("inside.json", "\"../outside.json\"").contains("leads out of the image"));
}

TEST_CASE("what is no image, is cut short or damaged is told apart") {
    Store const test;
    CHECK(test.error("").contains("cannot be read as an image archive"));
    CHECK(test.error("hello, I am a text").contains("cannot be read as an image archive"));
    CHECK(test.error(Tar().file("x", "y").finish()).contains("neither an OCI layout"));
    CHECK(test.error(Tar().file("index.json", "{").finish()).contains("no valid JSON"));

    TestImage image{.reference = "x",
                    .layers = {{Tar().file("f", std::string(5000, 'f')).finish()}}};
    std::string const whole = oci_archive(image);
    CHECK(test.error(whole.substr(0, 3000)).contains("cannot be read as an image archive"));
    std::string damaged = whole;
    damaged[damaged.find("ffff")] = 'g';
    CHECK(test.error(damaged).contains("is damaged"));

    image.layers[0].blob = Tar().file("f", "other").finish();
    CHECK(test.error(oci_archive(image)).contains("is damaged"));
    std::string const& tar = image.layers[0].tar;
    image.layers[0].blob = compressed(tar, archive_write_add_filter_gzip).substr(0, 60);
    CHECK_FALSE(test.error(oci_archive(image)) == "no error");
    image.layers[0].blob = {};
    image.architecture = "s390x";
    CHECK(test.error(oci_archive(image)).contains("the image is for linux/s390x"));
    image.architecture = {};
    image.layers.resize(129, image.layers[0]);
    CHECK(test.error(oci_archive(image)).contains("more than 128 layers"));

    CHECK(test.store->list()->empty());
    CHECK(test.store->find("x").error().message.contains("agent image load"));
    CHECK(fs::is_empty(test.directory + "/state/temporary"));
}

TEST_CASE("images survive reopening, half a load does not") {
    Store test;
    REQUIRE(test.layer(Tar().file("f", "1")));
    std::string const first = test.store->find("test")->id;
    fs::create_directories(test.directory + "/state/temporary/layer/half");
    test.reopen();
    CHECK_FALSE(fs::exists(test.directory + "/state/temporary/layer"));
    CHECK(test.store->find("test")->id == first);
    REQUIRE(test.layer(Tar().file("f", "2")));  // the name moves to the new image
    CHECK(test.store->find("test")->id != first);
    CHECK(test.store->list()->size() == 2);
}
