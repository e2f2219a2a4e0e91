#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "net/identity.h"
#include "net/join.h"
#include "net/token.h"

namespace net {

struct JoinRequest {
    Token token;
    std::vector<base::SocketAddress> peers;  // asked before the addresses in the token
    std::string name;
    base::Duration timeout = base::seconds(5);  // for each address
};

// Asks one address after the other to let this host in, and waits. The error is one line for the
// person who typed the command.
[[nodiscard]] base::Result<Welcome> join(JoinRequest const& request, Identity const& self);

}  // namespace net
