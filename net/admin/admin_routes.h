#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "net/admin/admin_port.h"

namespace net {

enum class AdminVerb : std::uint8_t { get, post, other };

struct AdminRequest {
    AdminVerb verb{};
    std::string target;  // "/v1/instances/shop/web"
    std::string body;
};

// `status` is an HTTP status; a body other than of 200 is an ErrorReply.
struct AdminReply {
    unsigned status{};
    std::string body;
};

// Performs one request of the admin protocol on the port: decodes, calls, encodes. `respond` is
// called exactly once if the port calls its `done` so, possibly before this returns.
void answer_admin(AdminPort& port, AdminRequest const& request,
                  std::function<void(AdminReply)> respond);

}  // namespace net
