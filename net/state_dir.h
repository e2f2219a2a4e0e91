#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace net {

// The right to use a state directory, held by one process until it ends or the lock is destroyed.
class StateLock {
public:
    // Makes the directory (mode 0700) if it is missing. Waits half a second for a process that is
    // ending; then the error names the process that holds it.
    [[nodiscard]] static base::Result<StateLock> take(std::string const& state_dir);

    StateLock(StateLock&& other) noexcept;
    StateLock& operator=(StateLock&& other) noexcept;
    ~StateLock();

private:
    explicit StateLock(int descriptor) : descriptor_(descriptor) {}

    int descriptor_;
};

// The content of a state file, or nothing if it does not exist.
[[nodiscard]] base::Result<std::optional<base::Bytes>> read_state_file(std::string const& path);

// Replaces the file (mode 0600) in one step: after a crash it holds the old content or the new.
[[nodiscard]] base::Result<void> write_state_file(std::string const& path, base::ByteView content);

// Wraps the body of a state file: its kind, a format version and a checksum.
[[nodiscard]] base::Bytes pack_state(std::string_view kind, base::ByteView body);

// The body of what pack_state() made. The error tells a newer version from damage; `advice` ends
// it.
[[nodiscard]] base::Result<base::Bytes> unpack_state(std::string_view kind, base::ByteView content,
                                                     std::string const& path,
                                                     std::string_view advice);

}  // namespace net
