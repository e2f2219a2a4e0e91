#include "spec/compose/unique.h"

#include "base/text.h"

namespace spec {

namespace {

std::string text_at(Node const& map, std::string_view key) {
    Node const* const value = find(map, key);
    return value == nullptr ? std::string() : value->text;
}

std::string port_key(std::string_view ip, std::string_view published, std::string_view target,
                     std::string_view protocol) {
    bool const any = ip.empty() || ip == "0.0.0.0";
    return base::concat(any ? "" : ip, '|', published, '|', target, '|',
                        protocol.empty() ? "tcp" : protocol);
}

// [[IP:]PUBLISHED:]TARGET[/PROTOCOL], or the long form.
std::string key_of_port(Node const& item) {
    if (item.kind == Node::Kind::map) {
        return port_key(text_at(item, "host_ip"), text_at(item, "published"),
                        text_at(item, "target"), text_at(item, "protocol"));
    }
    std::string_view text = item.text;
    std::string_view protocol;
    if (std::size_t const slash = text.rfind('/'); slash != std::string_view::npos) {
        protocol = text.substr(slash + 1);
        text = text.substr(0, slash);
    }
    std::size_t const colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return port_key({}, {}, text, protocol);
    }
    std::string_view const target = text.substr(colon + 1);
    std::string_view const rest = text.substr(0, colon);
    std::size_t const before = rest.rfind(':');
    if (before == std::string_view::npos) {
        return port_key({}, rest, target, protocol);
    }
    return port_key(rest.substr(0, before), rest.substr(before + 1), target, protocol);
}

// SOURCE:TARGET[:MODE], TARGET, or the long form.
std::string key_of_target(Node const& item) {
    if (item.kind == Node::Kind::map) {
        return text_at(item, "target");
    }
    auto const parts = base::split(item.text, ':');
    return std::string(parts.size() == 1 ? parts[0] : parts[1]);
}

// NAME, or the long form: a file in `folder` unless the target is an absolute path.
std::string key_of_mount(Node const& item, std::string_view folder) {
    std::string name = item.text;
    if (item.kind == Node::Kind::map) {
        name = text_at(item, "target");
        if (name.empty()) {
            name = text_at(item, "source");
        }
    }
    return name.starts_with('/') ? name : base::concat(folder, name);
}

}  // namespace

std::string unique_key(Node const& item, Unique by) {
    if (item.kind != Node::Kind::scalar && item.kind != Node::Kind::map) {
        return {};
    }
    switch (by) {
        case Unique::text:
            return item.text.substr(0, item.text.find('='));
        case Unique::whole:
            return item.text;
        case Unique::path:
            return item.kind == Node::Kind::map ? text_at(item, "path") : item.text;
        case Unique::port:
            return key_of_port(item);
        case Unique::target:
            return key_of_target(item);
        case Unique::secret:
            return key_of_mount(item, "/run/secrets/");
        case Unique::config:
            return key_of_mount(item, "/");
    }
    return {};
}

}  // namespace spec
