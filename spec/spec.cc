#include "spec/spec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "spec/rules.h"

namespace spec {

namespace {

// A field added later is written under version 2, and only where it differs from its default: a
// service that does not use it keeps its bytes, and so its revision, through an upgrade.
constexpr std::uint8_t encoding_version = 1;

using base::ByteReader;
using base::ByteWriter;

// One overload pair a type. put() and get() of a type are read together: what one writes, the
// other reads.
void put(ByteWriter& out, std::string const& text) {
    out.sized(text);
}

void get(ByteReader& in, std::string& text) {
    text = in.text(text_max);
}

void put(ByteWriter& out, std::uint16_t value) {
    out.u16(value);
}

void get(ByteReader& in, std::uint16_t& value) {
    value = in.u16();
}

void put(ByteWriter& out, base::Duration value) {
    out.varint(static_cast<std::uint64_t>(value.count()));
}

void get(ByteReader& in, base::Duration& value) {
    value = base::Duration(static_cast<base::Duration::rep>(in.varint()));
}

void put(ByteWriter& out, Port const& port) {
    out.u16(port.target);
    out.u16(port.published);
    out.u8(std::to_underlying(port.protocol));
}

void get(ByteReader& in, Port& port) {
    port.target = in.u16();
    port.published = in.u16();
    port.protocol = static_cast<Protocol>(in.u8());
}

void put(ByteWriter& out, Constraint const& constraint) {
    out.sized(constraint.left);
    out.u8(constraint.equal ? 1 : 0);
    out.sized(constraint.right);
}

void get(ByteReader& in, Constraint& constraint) {
    constraint.left = in.text(text_max);
    constraint.equal = in.u8() != 0;
    constraint.right = in.text(text_max);
}

void put(ByteWriter& out, Dependency const& dependency) {
    out.sized(dependency.service);
    out.u8(std::to_underlying(dependency.condition));
}

void get(ByteReader& in, Dependency& dependency) {
    dependency.service = in.text(text_max);
    dependency.condition = static_cast<Condition>(in.u8());
}

void put(ByteWriter& out, Resources const& resources) {
    out.varint(resources.cpu_milli);
    out.varint(resources.memory_bytes);
    out.varint(resources.pids);
}

void get(ByteReader& in, Resources& resources) {
    resources.cpu_milli = in.varint();
    resources.memory_bytes = in.varint();
    resources.pids = in.varint();
}

template <class T>
void put(ByteWriter& out, std::vector<T> const& list) {
    out.varint(list.size());
    for (T const& item : list) {
        put(out, item);
    }
}

template <class T>
void get(ByteReader& in, std::vector<T>& list) {
    std::uint64_t const count = in.varint();
    for (std::uint64_t at = 0; at < count && !in.failed(); ++at) {
        get(in, list.emplace_back());
    }
}

void put(ByteWriter& out, std::map<std::string, std::string> const& map) {
    out.varint(map.size());
    for (auto const& [name, value] : map) {
        out.sized(name);
        out.sized(value);
    }
}

void get(ByteReader& in, std::map<std::string, std::string>& map) {
    std::uint64_t const count = in.varint();
    for (std::uint64_t at = 0; at < count && !in.failed(); ++at) {
        std::string name = in.text(text_max);
        map.insert_or_assign(std::move(name), in.text(text_max));
    }
}

void put(ByteWriter& out, std::optional<std::vector<std::string>> const& list) {
    out.u8(list.has_value() ? 1 : 0);
    if (list) {
        put(out, *list);
    }
}

void get(ByteReader& in, std::optional<std::vector<std::string>>& list) {
    if (in.u8() != 0) {
        get(in, list.emplace());
    }
}

void put(ByteWriter& out, HealthCheck const& health) {
    out.u8(std::to_underlying(health.kind));
    put(out, health.command);
    out.u16(health.port);
    out.sized(health.path);
    put(out, health.interval);
    put(out, health.timeout);
    put(out, health.start_period);
    put(out, health.start_interval);
    out.u32(health.retries);
}

void get(ByteReader& in, HealthCheck& health) {
    health.kind = static_cast<CheckKind>(in.u8());
    get(in, health.command);
    health.port = in.u16();
    health.path = in.text(text_max);
    get(in, health.interval);
    get(in, health.timeout);
    get(in, health.start_period);
    get(in, health.start_interval);
    health.retries = in.u32();
}

bool valid_duration(base::Duration value) {
    return value >= base::Duration::zero() && value <= duration_max;
}

bool valid_texts(std::vector<std::string> const& texts) {
    return texts.size() <= list_max && std::ranges::all_of(texts, valid_text);
}

bool valid_texts(std::map<std::string, std::string> const& texts) {
    return texts.size() <= list_max && std::ranges::all_of(texts, [](auto const& entry) {
               return valid_text(entry.first) && valid_text(entry.second);
           });
}

// Ascending without repetition: the one order that a list without an order is written in.
template <class T>
bool canonical(std::vector<T> const& list) {
    return list.size() <= list_max &&
           std::ranges::adjacent_find(list, std::ranges::greater_equal{}) == list.end();
}

bool valid(Port const& port) {
    return port.target != 0 && port.protocol <= Protocol::udp;
}

bool valid(Constraint const& constraint) {
    return valid_attribute(constraint.left) && valid_text(constraint.right) &&
           !constraint.right.empty();
}

bool valid(Dependency const& dependency) {
    return valid_name(dependency.service) && dependency.condition <= Condition::completed;
}

bool valid(Resources const& resources) {
    return resources.cpu_milli <= cpu_milli_max && resources.memory_bytes <= memory_max &&
           resources.pids <= pids_max;
}

template <class T>
bool all_valid(std::vector<T> const& list) {
    return canonical(list) && std::ranges::all_of(list, [](T const& item) { return valid(item); });
}

bool valid(HealthCheck const& health) {
    bool const timing =
        valid_duration(health.interval) && valid_duration(health.timeout) &&
        valid_duration(health.start_period) && valid_duration(health.start_interval) &&
        health.interval > base::Duration::zero() && health.timeout > base::Duration::zero() &&
        health.start_interval > base::Duration::zero() && health.retries >= 1 &&
        health.retries <= retries_max;
    if (!timing || !valid_texts(health.command) || !valid_text(health.path)) {
        return false;
    }
    // What a kind does not use is empty, so that checks that mean the same are equal.
    switch (health.kind) {
        case CheckKind::none:
            return health == HealthCheck{};
        case CheckKind::exec:
            return !health.command.empty() && health.port == 0 && health.path.empty();
        case CheckKind::tcp:
            return health.command.empty() && health.port != 0 && health.path.empty();
        case CheckKind::http:
            return health.command.empty() && health.port != 0 && health.path.starts_with('/');
    }
    return false;
}

bool valid(ServiceSpec const& spec) {
    return valid_name(spec.project) && valid_name(spec.name) && valid_image(spec.image) &&
           (!spec.entrypoint || valid_texts(*spec.entrypoint)) &&
           (!spec.command || valid_texts(*spec.command)) && valid_texts(spec.environment) &&
           std::ranges::all_of(spec.environment,
                               [](auto const& entry) { return valid_variable(entry.first); }) &&
           valid_text(spec.working_dir) && valid_text(spec.user) && all_valid(spec.ports) &&
           canonical(spec.expose) && (spec.expose.empty() || spec.expose.front() != 0) &&
           valid(spec.health) && spec.mode <= Mode::global && spec.replicas <= replicas_max &&
           all_valid(spec.constraints) && spec.max_replicas_per_node <= replicas_max &&
           valid(spec.limits) && valid(spec.reservations) && all_valid(spec.depends_on) &&
           valid_texts(spec.labels) && valid_duration(spec.stop_grace_period);
}

bool letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool only(std::string_view text, std::string_view others) {
    return std::ranges::all_of(
        text, [others](char c) { return letter_or_digit(c) || others.contains(c); });
}

}  // namespace

bool valid_text(std::string_view text) {
    return text.size() <= text_max && !text.contains('\0');
}

bool valid_image(std::string_view image) {
    return !image.empty() && image.size() <= image_max && only(image, "._-/:@");
}

bool valid_variable(std::string_view name) {
    return !name.empty() && valid_text(name) && !name.contains('=');
}

bool valid_attribute(std::string_view left) {
    static constexpr std::array<std::string_view, 5> plain{
        "node.id", "node.hostname", "node.role", "node.platform.os", "node.platform.arch"};
    static constexpr std::string_view labels = "node.labels.";
    return std::ranges::find(plain, left) != plain.end() ||
           (left.starts_with(labels) && left.size() > labels.size() && left.size() <= text_max &&
            only(left.substr(labels.size()), "._-/"));
}

bool valid_name(std::string_view name) {
    auto const allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, allowed) &&
           name.front() != '_' && name.front() != '-';
}

std::string service_key(ServiceSpec const& spec) {
    return base::concat(spec.project, '/', spec.name);
}

base::Bytes encode(ServiceSpec const& spec) {
    ByteWriter out;
    out.u8(encoding_version);
    put(out, spec.project);
    put(out, spec.name);
    put(out, spec.image);
    put(out, spec.entrypoint);
    put(out, spec.command);
    put(out, spec.environment);
    put(out, spec.working_dir);
    put(out, spec.user);
    put(out, spec.ports);
    put(out, spec.expose);
    put(out, spec.health);
    out.u8(std::to_underlying(spec.mode));
    out.u32(spec.replicas);
    put(out, spec.constraints);
    out.u32(spec.max_replicas_per_node);
    put(out, spec.limits);
    put(out, spec.reservations);
    put(out, spec.depends_on);
    put(out, spec.labels);
    put(out, spec.stop_grace_period);
    return out.take();
}

std::expected<ServiceSpec, Errc> decode(base::ByteView bytes) {
    ByteReader in(bytes);
    if (bytes.size() > encoded_max || in.u8() != encoding_version) {
        return std::unexpected(Errc::malformed);
    }
    ServiceSpec spec;
    get(in, spec.project);
    get(in, spec.name);
    get(in, spec.image);
    get(in, spec.entrypoint);
    get(in, spec.command);
    get(in, spec.environment);
    get(in, spec.working_dir);
    get(in, spec.user);
    get(in, spec.ports);
    get(in, spec.expose);
    get(in, spec.health);
    spec.mode = static_cast<Mode>(in.u8());
    spec.replicas = in.u32();
    get(in, spec.constraints);
    spec.max_replicas_per_node = in.u32();
    get(in, spec.limits);
    get(in, spec.reservations);
    get(in, spec.depends_on);
    get(in, spec.labels);
    get(in, spec.stop_grace_period);
    // One spec has one encoding: a padded number or an unsorted map is refused here, else two hosts
    // could hold the same service under different bytes.
    if (!in.complete() || !valid(spec) || !std::ranges::equal(encode(spec), bytes)) {
        return std::unexpected(Errc::malformed);
    }
    return spec;
}

std::string revision(ServiceSpec const& spec) {
    ServiceSpec container = spec;
    container.replicas = 1;
    container.mode = Mode::replicated;
    container.constraints.clear();
    ByteWriter digits;
    digits.u64(base::stable_hash(base::ByteView(encode(container))));
    return base::hex(digits.view());
}

}  // namespace spec
