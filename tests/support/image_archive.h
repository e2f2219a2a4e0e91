#pragma once

#include <string>
#include <vector>

namespace support {

// An image made in memory.
struct TestImage {
    struct Layer {
        std::string tar;        // uncompressed
        std::string blob = {};  // what the archive holds; empty: the tar itself
    };

    std::string reference;
    std::vector<Layer> layers;  // lowest first
    std::string config_json = R"({"Cmd":["sh"],"Env":["PATH=/bin"]})";
    std::string architecture = {};  // empty: of this host
};

// A tar of an OCI layout that holds the image.
[[nodiscard]] std::string oci_archive(TestImage const& image);
// The same in the older form of `docker save`.
[[nodiscard]] std::string docker_archive(TestImage const& image);

}  // namespace support
