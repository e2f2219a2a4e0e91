#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace support {

enum class ImageFormat : std::uint8_t { oci, docker };

// Writes an image with busybox and nothing else, made of this machine's /bin/busybox (Debian's
// busybox-static), so that tests and the demo need no registry: sh, httpd, nc, nslookup, wget,
// sleep, cat and so on in /bin, users root and nobody, an empty /var/www and /tmp.
[[nodiscard]] base::Result<void> write_busybox_image(std::string const& path,
                                                     std::string const& reference,
                                                     ImageFormat format = ImageFormat::oci);

}  // namespace support
