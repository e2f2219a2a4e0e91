#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace net {

// The addresses of a host name, from /etc/hosts or the name servers in /etc/resolv.conf; at least
// one. An IP address is its own answer. Waits up to `timeout`.
[[nodiscard]] base::Result<std::vector<base::IpAddress>> resolve(std::string const& host,
                                                                 base::Duration timeout);

}  // namespace net
