#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/driver.h"
#include "runtime/system/file.h"

namespace runtime {

// The output of a container in a directory of at most two files. A file is named by the offset of
// its first byte since the container's first line ("log.0", "log.10485760"): offsets go on when the
// oldest file is dropped. Writing never fails: what the disk does not take is dropped, and counted
// in a line of its own as soon as there is room again.
class LogRing {
public:
    static constexpr std::uint64_t file_size_max = 10 << 20;

    explicit LogRing(std::string directory, std::uint64_t size_max = file_size_max);
    void write(std::string_view text);

private:
    [[nodiscard]] bool open_next();
    [[nodiscard]] bool append(std::string_view text);

    std::string directory_;
    std::uint64_t size_max_;
    base::Descriptor file_;
    std::uint64_t base_{};     // of the current file
    std::uint64_t size_{};     // of the current file
    std::uint64_t dropped_{};  // bytes since the last one written
};

// See Driver::read_log. `from` before the oldest byte begins at the oldest.
[[nodiscard]] base::Result<LogPart> read_log_ring(std::string const& directory, std::uint64_t from,
                                                  bool from_end, std::size_t size_max);

}  // namespace runtime
