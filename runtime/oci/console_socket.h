#pragma once

#include <string>

#include "base/descriptor.h"
#include "base/result.h"

namespace runtime {

// Where an OCI runtime sends the terminal that it makes for a container: the socket NAME in the
// working directory of this process, which becomes the container's bundle (the path of a socket is
// shorter than many paths).
class ConsoleSocket {
public:
    static constexpr char const* name = "console.sock";

    [[nodiscard]] static base::Result<ConsoleSocket> create(std::string const& bundle_dir);
    // The terminal of a runtime that has returned; an error if it has sent none.
    [[nodiscard]] base::Result<base::Descriptor> receive() const;

private:
    explicit ConsoleSocket(base::Descriptor listener) : listener_(std::move(listener)) {}

    base::Descriptor listener_;
};

}  // namespace runtime
