#include "tests/support/tar.h"

#include <cstdio>
#include <cstring>

#include "base/check.h"

namespace support {
namespace {

constexpr std::size_t block_size = 512;

struct Header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char modified[12];
    char checksum[8];
    char type;
    char target[100];
    char magic[6];
    char version[2];
    char rest[247];
};

static_assert(sizeof(Header) == block_size);

}  // namespace

Tar& Tar::directory(std::string_view name, unsigned mode) {
    header(name, '5', mode, "", 0);
    return *this;
}

Tar& Tar::file(std::string_view name, std::string_view contents, unsigned mode) {
    header(name, '0', mode, "", contents.size());
    bytes_ += contents;
    bytes_.resize((bytes_.size() + block_size - 1) / block_size * block_size);
    return *this;
}

Tar& Tar::symlink(std::string_view name, std::string_view target) {
    header(name, '2', 0777, target, 0);
    return *this;
}

Tar& Tar::hard_link(std::string_view name, std::string_view target) {
    header(name, '1', 0644, target, 0);
    return *this;
}

std::string Tar::finish() const {
    return bytes_ + std::string(2 * block_size, '\0');
}

void Tar::header(std::string_view name, char type, unsigned mode, std::string_view target,
                 std::size_t size) {
    Header header{};
    CHECK(name.size() <= sizeof(header.name));
    CHECK(target.size() <= sizeof(header.target));
    std::memcpy(header.name, name.data(), name.size());
    std::snprintf(header.mode, sizeof(header.mode), "%07o", mode);
    std::snprintf(header.uid, sizeof(header.uid), "%07o", 0U);
    std::snprintf(header.gid, sizeof(header.gid), "%07o", 0U);
    std::snprintf(header.size, sizeof(header.size), "%011zo", size);
    std::snprintf(header.modified, sizeof(header.modified), "%011o", 0U);
    header.type = type;
    std::memcpy(header.target, target.data(), target.size());
    std::memcpy(header.magic, "ustar", 6);
    std::memcpy(header.version, "00", 2);
    std::memset(header.checksum, ' ', sizeof(header.checksum));
    std::string_view const raw(reinterpret_cast<char const*>(&header), sizeof(header));
    unsigned sum = 0;
    for (char const byte : raw) {
        sum += static_cast<unsigned char>(byte);
    }
    std::snprintf(header.checksum, sizeof(header.checksum), "%06o", sum);
    bytes_ += raw;
}

}  // namespace support
