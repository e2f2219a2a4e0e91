#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/time.h"
#include "crdt/store.h"

// What the store is measured beside: the same entries kept by the plainest means that keep them.
namespace bench {

// Keeps entries so that each survives a power cut when write() returns. Aborts when it cannot.
class Subject {
public:
    virtual ~Subject() = default;
    virtual void write(crdt::Batch const& batch) = 0;
    // Reads everything back; the number of entries.
    virtual std::size_t read() = 0;
};

// In `directory`, which is made; with what was written there before, if anything.
[[nodiscard]] std::unique_ptr<Subject> open_covey(std::string const& directory);
// Encoded entries appended to a file, each followed by fdatasync(2).
[[nodiscard]] std::unique_ptr<Subject> open_plain_file(std::string const& directory);
// A table of SQLite with the key as its primary key: WAL, synchronous=FULL.
[[nodiscard]] std::unique_ptr<Subject> open_sqlite(std::string const& directory);

// Whether a Device can be made, which needs root. Moves this thread, and those it makes from then
// on, into a mount namespace of their own: so before RocksDB has any.
[[nodiscard]] bool own_mounts();

// A small ext4 file system on a loop device, so that all that reaches the device is counted: the
// journal and the metadata as well.
class Device {
public:
    // In `directory`, which must be on a disk with room for it.
    explicit Device(std::string directory);
    Device(Device const&) = delete;
    Device& operator=(Device const&) = delete;
    ~Device();

    [[nodiscard]] std::string const& mounted() const { return mounted_; }

    // Until now, after everything dirty was written.
    [[nodiscard]] std::uint64_t written_bytes() const;

private:
    std::string directory_;
    std::string mounted_;
    std::string device_;
};

}  // namespace bench
