#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace support {

// Builds a ustar archive in memory, also one that no honest tool would write: names are taken as
// they are. Names and targets have at most 100 bytes.
class Tar {
public:
    Tar& directory(std::string_view name, unsigned mode = 0755);
    Tar& file(std::string_view name, std::string_view contents, unsigned mode = 0644);
    Tar& symlink(std::string_view name, std::string_view target);
    Tar& hard_link(std::string_view name, std::string_view target);
    [[nodiscard]] std::string finish() const;

private:
    void header(std::string_view name, char type, unsigned mode, std::string_view target,
                std::size_t size);

    std::string bytes_;
};

}  // namespace support
