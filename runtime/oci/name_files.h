#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/isolation.h"
#include "runtime/network/network.h"

namespace runtime {

// The texts of /etc/resolv.conf and /etc/hosts of a container. An error is a name or address that
// cannot stand there.
[[nodiscard]] base::Result<std::string> resolver_configuration(Networking const& networking,
                                                               Attachment const& attachment);
// `host_text` is the host's own file, for a container in the host's network.
[[nodiscard]] base::Result<std::string> hosts_text(Networking const& networking,
                                                   std::string_view hostname,
                                                   Attachment const& attachment,
                                                   std::string_view host_text);

}  // namespace runtime
