#include "cmd/membership.h"

#include <algorithm>
#include <array>
#include <utility>

#include <unistd.h>

#include "base/text.h"
#include "crdt/rocks_store.h"
#include "net/fleet.h"
#include "net/identity.h"
#include "net/join_client.h"
#include "net/resolve.h"
#include "net/state_dir.h"
#include "net/token.h"

namespace cmd {
namespace {

constexpr base::Duration resolve_max = base::seconds(5);

base::Result<void> require_no_fleet(std::string const& state_dir) {
    std::optional<net::Fleet> const fleet = TRY(net::load_fleet(state_dir));
    if (fleet) {
        return base::fail(base::concat("this host belongs to a fleet already (its state is in ",
                                       state_dir,
                                       "): start it with `agent run`, or leave with `agent "
                                       "leave` first"));
    }
    return {};
}

std::string host_name(DaemonOptions const& options) {
    if (!options.name.empty()) {
        return options.name;
    }
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

base::Result<std::vector<base::SocketAddress>> addresses_of(JoinCommand const& command) {
    std::vector<base::SocketAddress> addresses;
    for (base::IpAddress const& ip : TRY(net::resolve(command.peer_host, resolve_max))) {
        addresses.push_back({ip, command.peer_port});
    }
    return addresses;
}

}  // namespace

base::Result<void> found_fleet(DaemonOptions const& options) {
    net::StateLock const lock = TRY(net::StateLock::take(options.state_dir));
    TRY_VOID(require_no_fleet(options.state_dir));
    TRY(net::load_or_make_identity(options.state_dir));
    // A member without a state has lost it, so it is there first.
    TRY_VOID(crdt::make_rocks_store(store_directory(options)));
    return net::save_fleet(options.state_dir, net::make_fleet(""));
}

base::Result<std::string> join_fleet(DaemonOptions const& options, JoinCommand const& command) {
    net::Token token = TRY(net::parse_token(command.token));
    net::StateLock const lock = TRY(net::StateLock::take(options.state_dir));
    TRY_VOID(require_no_fleet(options.state_dir));
    net::Identity const self = TRY(net::load_or_make_identity(options.state_dir));
    net::JoinRequest const request{
        .token = std::move(token), .peers = TRY(addresses_of(command)), .name = host_name(options)};
    net::Welcome welcome = TRY(net::join(request, self));
    for (net::MemberAddress const& member : welcome.members) {
        welcome.fleet.seeds.push_back(member.address);
    }
    TRY_VOID(crdt::make_rocks_store(store_directory(options)));
    TRY_VOID(net::save_fleet(options.state_dir, welcome.fleet));
    bool const as_asked = std::ranges::find(request.peers, welcome.asked) != request.peers.end();
    return as_asked ? command.peer_host
                    : base::concat(to_string(welcome.asked), ", which the token names");
}

}  // namespace cmd
