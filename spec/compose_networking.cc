#include <algorithm>
#include <array>

#include "base/address.h"
#include "base/text.h"
#include "spec/compose_service.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

constexpr std::string_view host_gateway = "host-gateway";

void read_aliases(Report& report, Field const& field, Attachment& attachment) {
    attachment.aliases = read_text_set(report, field);
}

void read_gw_priority(Report& report, Field const& field, Attachment& attachment) {
    attachment.priority =
        static_cast<std::int32_t>(read_integer(report, field, -1'000'000, 1'000'000).value_or(0));
}

void attach(Report& report, Field const& field, std::string const& key, Draft& draft,
            Attachment attachment) {
    auto const& networks = draft.definitions->networks;
    auto const found = networks.find(key);
    if (found == networks.end()) {
        report.error(field, base::concat("expected a network of the top-level networks, found ",
                                         quote(key)));
        return;
    }
    attachment.internal = found->second.internal;
    draft.spec.networking.networks[found->second.name] = std::move(attachment);
}

// Being on the project's default network and nothing else needs no words.
void forget_default(Draft& draft) {
    auto& networks = draft.spec.networking.networks;
    std::string const& name = draft.definitions->networks.at("default").name;
    if (networks.size() == 1 && networks.begin()->first == name &&
        networks.begin()->second == Attachment{} &&
        name == base::concat(draft.definitions->project, "_default")) {
        networks.clear();
    }
}

void read_networks(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Attachment>, 2> keys{
        {{"aliases", read_aliases}, {"gw_priority", read_gw_priority}}};
    draft.networks = field;
    if (field.value->kind == Node::Kind::map) {
        for (Field const& entry : read_entries(report, field, "a map")) {
            Attachment attachment;
            if (entry.value->kind != Node::Kind::null) {
                read_keys<Attachment>(report, entry, attachment, "services.*.networks.*", keys);
            }
            attach(report, entry, entry.key->text, draft, std::move(attachment));
        }
    } else {
        for (Field const& item : read_items(report, field, "a list or a map of networks")) {
            if (auto const key = read_filled_text(report, item)) {
                attach(report, item, *key, draft, {});
            }
        }
    }
    forget_default(draft);
}

void read_network_mode(Report& report, Field const& field, Draft& draft) {
    static constexpr auto choices =
        std::to_array<Choice<NetworkMode>>({{"bridge", NetworkMode::bridge},
                                            {"host", NetworkMode::host},
                                            {"none", NetworkMode::none},
                                            {"default", NetworkMode::bridge},
                                            {"", NetworkMode::bridge}});
    draft.network_mode = field;
    std::string const& text = field.value->text;
    if (text.starts_with("service:") || text.starts_with("container:")) {
        report.warning(field,
                       "not supported on a fleet: the other container may be on another host; the "
                       "container is on the fleet's network");
        return;
    }
    draft.spec.networking.mode = read_choice(report, field, choices).value_or(NetworkMode::bridge);
}

void read_dns(Report& report, Field const& field, Draft& draft) {
    for (std::string& server : read_texts(report, field)) {
        auto const address = base::parse_ip(server);
        if (!address) {
            report.error(field, base::concat("expected IP addresses, found ", quote(server)));
            continue;
        }
        draft.spec.networking.dns.push_back(to_string(*address));
    }
}

void add_host(Report& report, Field const& field, std::string_view name, std::string_view address,
              Draft& draft) {
    if (address.starts_with('[') && address.ends_with(']')) {
        address = address.substr(1, address.size() - 2);
    }
    auto const ip = base::parse_ip(address);
    if (name.empty() || name.size() > yaml_key_max || (!ip && address != host_gateway)) {
        report.expected(field, "NAME and an IP address, such as \"box=10.0.0.5\"");
        return;
    }
    draft.spec.networking.extra_hosts[std::string(name)].insert(ip ? to_string(*ip)
                                                                   : std::string(host_gateway));
}

// NAME=ADDRESS or NAME:ADDRESS in a list, or a map of NAME to one or several addresses.
void read_extra_hosts(Report& report, Field const& field, Draft& draft) {
    if (field.value->kind == Node::Kind::map) {
        for (Field const& entry : read_entries(report, field, "a map")) {
            for (std::string const& address : read_texts(report, entry)) {
                add_host(report, entry, entry.key->text, address, draft);
            }
        }
        return;
    }
    for (Field const& item : read_items(report, field, "a map or a list of NAME=ADDRESS")) {
        std::optional<std::string> const text = read_filled_text(report, item);
        if (!text) {
            continue;
        }
        std::size_t const at = std::min(text->find_first_of("=:"), text->size());
        std::string_view const rest = std::string_view(*text).substr(at);
        add_host(report, item, text->substr(0, at), rest.substr(rest.empty() ? 0 : 1), draft);
    }
}

void read_mac_address(Report& report, Field const& field, Draft& draft) {
    std::optional<std::string> const text = read_filled_text(report, field);
    if (!text) {
        return;
    }
    std::string mac = base::lower(*text);
    std::ranges::replace(mac, '-', ':');
    auto const parts = base::split(mac, ':');
    bool const bytes = std::ranges::all_of(parts, [](std::string_view part) {
        return part.size() == 2 && part.find_first_not_of("0123456789abcdef") == part.npos;
    });
    if (parts.size() != 6 || !bytes) {
        report.expected(field, "a MAC address such as 02:42:ac:11:65:43");
        return;
    }
    draft.spec.networking.mac_address = std::move(mac);
}

constexpr std::array<Key<Draft>, 9> keys{{
    {"dns", read_dns},
    {"dns_opt", read_set<&ServiceSpec::networking, &Networking::dns_opt>},
    {"dns_search", read_list<&ServiceSpec::networking, &Networking::dns_search>},
    {"domainname", read_line<&ServiceSpec::networking, &Networking::domainname>},
    {"extra_hosts", read_extra_hosts},
    {"hostname", read_line<&ServiceSpec::networking, &Networking::hostname>},
    {"mac_address", read_mac_address},
    {"network_mode", read_network_mode},
    {"networks", read_networks},
}};

}  // namespace

void attach_default(Draft& draft) {
    Definitions::Network const& network = draft.definitions->networks.at("default");
    Attachment attachment;
    attachment.internal = network.internal;
    draft.spec.networking.networks[network.name] = attachment;
    forget_default(draft);
}

std::span<Key<Draft> const> networking_keys() {
    return keys;
}

}  // namespace spec
