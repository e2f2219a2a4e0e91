#include <algorithm>
#include <array>

#include "base/address.h"
#include "base/text.h"
#include "spec/compose_service.h"
#include "spec/compose_text.h"
#include "spec/rules.h"

namespace spec {

namespace {

// From `first` to `last`, both above zero.
struct Range {
    std::uint16_t first{};
    std::uint16_t last{};

    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(last - first) + 1; }

    friend bool operator==(Range const&, Range const&) = default;
};

std::optional<Range> parse_range(std::string_view text) {
    std::size_t const dash = text.find('-');
    auto const first = base::parse_integer<std::uint16_t>(text.substr(0, dash));
    auto const last = dash == std::string_view::npos
                          ? first
                          : base::parse_integer<std::uint16_t>(text.substr(dash + 1));
    if (!first || !last || *first == 0 || *last < *first) {
        return std::nullopt;
    }
    return Range{*first, *last};
}

std::optional<Protocol> parse_protocol(std::string_view text) {
    std::string const name = base::lower(text);
    if (name == "tcp") {
        return Protocol::tcp;
    }
    if (name == "udp") {
        return Protocol::udp;
    }
    return std::nullopt;
}

struct Mapping {
    std::optional<Range> target;
    std::optional<Range> published;  // nothing: on the virtual IP only
    Protocol protocol{};
    PortMode mode{};
    std::string host_ip;
    std::string name;
    std::string app_protocol;
    friend bool operator==(Mapping const&, Mapping const&) = default;
};

// The address in its one form; empty for all addresses of the host, and for what is none.
std::string host_address(Report& report, Field const& field, std::string_view host_ip) {
    auto const ip = base::parse_ip(host_ip);
    if (!ip) {
        report.error(
            field, base::concat("expected an IP address before the port, found ", quote(host_ip)));
    }
    return ip && !ip->is_unspecified() ? to_string(*ip) : std::string();
}

void add_mapping(Report& report, Field const& field, Mapping const& mapping, Draft& draft) {
    if (!mapping.target) {
        return;
    }
    Range const target = *mapping.target;
    std::optional<Range> published = mapping.published;
    Range any_of;
    if (published && target.size() == 1 && published->size() > 1) {
        report.warning(field, base::concat("not yet: of the range of published ports only the "
                                           "first, ",
                                           published->first, ", is used"));
        any_of = *published;
        published->last = published->first;
    }
    if (published && published->size() != target.size()) {
        report.error(field, base::concat("expected ranges of one length, found ", published->size(),
                                         " published ports for ", target.size()));
        return;
    }
    if (draft.ports.size() + target.size() > list_max) {
        report.error(field, base::concat("expected at most ", list_max, " ports in a service"));
        return;
    }
    for (unsigned at = 0; at < target.size(); ++at) {
        Port port;
        port.target = static_cast<std::uint16_t>(target.first + at);
        port.published = published ? static_cast<std::uint16_t>(published->first + at) : 0;
        port.protocol = mapping.protocol;
        port.name = mapping.name;
        port.app_protocol = mapping.app_protocol;
        if (port.published != 0) {
            port.published_last = any_of.last;
            port.mode = mapping.mode;
            port.host_ip = mapping.host_ip;
        }
        draft.ports.emplace_back(port, field);
    }
}

// Removes and returns what stands before the last colon, which may be in "[...]" no more.
std::optional<std::string_view> take_last(std::string_view& text) {
    std::size_t const colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view const last = text.substr(colon + 1);
    text = text.substr(0, colon);
    return last;
}

// [[HOST_IP:]PUBLISHED:]TARGET[/PROTOCOL]
void read_short_port(Report& report, Field const& field, Draft& draft) {
    static constexpr std::string_view form =
        "[[HOST_IP:]PUBLISHED:]TARGET[/PROTOCOL] with ports from 1 to 65535, such as 8080:80";
    std::optional<std::string> const text = read_text(report, field);
    if (!text) {
        return;
    }
    std::string_view rest = *text;
    Mapping mapping;
    if (std::size_t const slash = rest.find('/'); slash != std::string_view::npos) {
        auto const protocol = parse_protocol(rest.substr(slash + 1));
        if (!protocol) {
            report.error(field, base::concat("expected protocol tcp or udp, found ",
                                             quote(rest.substr(slash + 1))));
            return;
        }
        mapping.protocol = *protocol;
        rest = rest.substr(0, slash);
    }
    auto const last = take_last(rest);
    mapping.target = parse_range(last ? *last : rest);
    if (!mapping.target) {
        report.expected(field, form);
        return;
    }
    if (last) {
        auto const middle = take_last(rest);
        std::string_view const published = middle ? *middle : rest;
        mapping.published = parse_range(published);
        // "127.0.0.1::80" leaves the published port open.
        if (!mapping.published && !(middle && published.empty())) {
            report.expected(field, form);
            return;
        }
        if (middle) {
            if (rest.starts_with('[') && rest.ends_with(']')) {
                rest = rest.substr(1, rest.size() - 2);
            }
            mapping.host_ip = host_address(report, field, rest);
            if (!mapping.host_ip.empty()) {
                report.note(field, "services.*.ports", "host_ip");
            }
        }
    }
    add_mapping(report, field, mapping, draft);
}

std::optional<Range> read_range(Report& report, Field const& field, std::string_view what) {
    std::optional<Range> range;
    if (field.value->kind == Node::Kind::scalar) {
        range = parse_range(field.value->text);
    }
    if (!range) {
        report.expected(field, what);
    }
    return range;
}

void read_target(Report& report, Field const& field, Mapping& mapping) {
    mapping.target = read_range(report, field, "a port from 1 to 65535");
    if (mapping.target && mapping.target->size() > 1) {
        report.expected(field, "one port");
    }
}

void read_published(Report& report, Field const& field, Mapping& mapping) {
    // Compose and Swarm both write 0 or nothing for a port that is left open.
    if (field.value->kind == Node::Kind::scalar &&
        (field.value->text == "0" || field.value->text.empty())) {
        return;
    }
    mapping.published = read_range(report, field, "a port or a range from 1 to 65535");
}

void read_protocol(Report& report, Field const& field, Mapping& mapping) {
    auto const protocol = parse_protocol(field.value->text);
    if (!protocol) {
        report.expected(field, "tcp or udp");
        return;
    }
    mapping.protocol = *protocol;
}

void read_port_mode(Report& report, Field const& field, Mapping& mapping) {
    static constexpr auto choices =
        std::to_array<Choice<PortMode>>({{"ingress", PortMode::ingress}, {"host", PortMode::host}});
    mapping.mode = read_choice(report, field, choices).value_or(PortMode::ingress);
}

void read_host_ip(Report& report, Field const& field, Mapping& mapping) {
    if (auto const host_ip = read_text(report, field)) {
        mapping.host_ip = host_address(report, field, *host_ip);
    }
}

template <std::string Mapping::* member>
void read_note(Report& report, Field const& field, Mapping& mapping) {
    mapping.*member = read_text(report, field).value_or("");
}

void read_long_port(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Mapping>, 7> keys{{
        {"app_protocol", read_note<&Mapping::app_protocol>},
        {"host_ip", read_host_ip},
        {"mode", read_port_mode},
        {"name", read_note<&Mapping::name>},
        {"protocol", read_protocol},
        {"published", read_published},
        {"target", read_target},
    }};
    Mapping mapping;
    read_keys<Mapping>(report, field, mapping, "services.*.ports", keys);
    bool const has_target = std::ranges::any_of(
        field.value->entries, [](Node::Entry const& entry) { return entry.key->text == "target"; });
    if (!has_target) {
        report.error(field, "expected a target port, found none");
    }
    add_mapping(report, field, mapping, draft);
}

}  // namespace

void read_ports(Report& report, Field const& field, Draft& draft) {
    for (Field const& item : read_items(report, field, "a list of ports")) {
        if (item.value->kind == Node::Kind::map) {
            read_long_port(report, item, draft);
        } else {
            read_short_port(report, item, draft);
        }
    }
}

void read_expose(Report& report, Field const& field, Draft& draft) {
    static constexpr std::string_view form = "PORT[/PROTOCOL] from 1 to 65535, such as 3000";
    for (Field const& item : read_items(report, field, "a list of ports")) {
        std::optional<std::string> const text = read_text(report, item);
        if (!text) {
            continue;
        }
        std::size_t const slash = text->find('/');
        auto const protocol =
            slash == std::string::npos ? Protocol::tcp : parse_protocol(text->substr(slash + 1));
        Mapping mapping;
        mapping.target = parse_range(text->substr(0, slash));
        mapping.protocol = protocol.value_or(Protocol::tcp);
        if (!mapping.target || !protocol) {
            report.expected(item, form);
            continue;
        }
        add_mapping(report, item, mapping, draft);
    }
}

}  // namespace spec
