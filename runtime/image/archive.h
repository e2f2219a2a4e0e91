#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"

namespace runtime {

// A file of an archive that was copied out of it.
struct StagedFile {
    std::string path;    // where it is now
    std::string sha256;  // 64 digits
};

// Copies every regular file of a tar (plain or compressed) into `directory` under a number; the
// result maps the names in the archive to the copies. Links inside the archive become further
// names of what they point to. Ends with an error at 64 GiB, or when the disk of `directory` has
// less than 5 % free.
[[nodiscard]] base::Result<std::map<std::string, StagedFile>> stage_archive(
    int fd, std::string const& directory);

struct UnpackedLayer {
    std::string sha256;     // of the uncompressed tar
    std::uint64_t bytes{};  // of its files
};

// Unpacks one layer, a tar that is plain, gzip or zstd, into the empty directory `root`. The
// same limits as above.
[[nodiscard]] base::Result<UnpackedLayer> unpack_layer(std::string const& path,
                                                       std::string const& root);

}  // namespace runtime
