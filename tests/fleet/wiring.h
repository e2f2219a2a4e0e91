#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/descriptor.h"

namespace fleet {

// The hosts' network: a namespace for each host, with one link to a switch in a namespace of its
// own. Every address is in one of these; the machine's own network is not touched. Hosts count from
// 0; host 0 is 10.77.0.11/24 until it is renumbered.
class Wiring {
public:
    // Binds the switch's namespace at `path`.
    explicit Wiring(std::string path);

    // A host without a past: a new namespace bound at `path`, loopback, eth0 with its address and a
    // default route that leads nowhere. A host that is added again has the same hardware address,
    // and the same address unless it was renumbered.
    void add_host(std::size_t host, std::string const& path);
    // Its namespace must be unbound, and every process in it gone.
    void remove_host(std::size_t host);
    // From the next add_host() on it has an address that no host had before.
    void renumber(std::size_t host);

    // The cable, at the switch: the host keeps its addresses and routes.
    void unplug(std::size_t host);
    void plug(std::size_t host);
    // Only hosts of one group reach each other. Hosts in no group are left where they are.
    void partition(std::vector<std::vector<std::size_t>> const& groups);
    // One group again.
    void heal();

    [[nodiscard]] base::Descriptor const& netns(std::size_t host) const;

    [[nodiscard]] base::IpAddress address(std::size_t host) const;

private:
    struct Place {
        base::Descriptor netns{};
        std::uint32_t number{};  // the last byte of its address
    };

    static constexpr std::size_t groups_max = 4;

    void on_switch(std::vector<std::string> const& lines) const;
    // A link that came up carries nothing until the kernel has acted on it, which may take it a
    // second; being asked about the link makes it act at once.
    void await_carrier(std::size_t host) const;
    [[nodiscard]] bool has_port(std::size_t host) const;

    std::string path_;
    base::Descriptor switch_;
    std::vector<Place> hosts_;
    std::uint32_t renumbered_{};
};

}  // namespace fleet
