#include <algorithm>
#include <utility>

#include "spec/fields.h"
#include "spec/spec.h"
#include "spec/validity.h"

namespace spec {

namespace {

// Version 1 is a fixed row of fields, then those that came later as a tagged record (tagged.h): a
// service that does not use them keeps its bytes, and so its revision, through an upgrade.
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

// A port and a dependency as version 1 began: whatever says more is in the record that follows.
bool plain(Port const& port) {
    return port ==
           Port{.target = port.target, .published = port.published, .protocol = port.protocol};
}

bool plain(Dependency const& dependency) {
    return !dependency.restart && dependency.required;
}

template <class T>
std::vector<T> plain_of(std::vector<T> const& list) {
    std::vector<T> out;
    for (T const& item : list) {
        if (plain(item)) {
            out.push_back(item);
        }
    }
    return out;
}

template <class T>
void join(std::vector<T>& list, std::vector<T> const& plain_ones) {
    list.insert(list.end(), plain_ones.begin(), plain_ones.end());
    std::ranges::sort(list);
}

}  // namespace

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
    put(out, plain_of(spec.ports));
    put(out, spec.expose);
    put(out, spec.health);
    out.u8(std::to_underlying(spec.mode));
    out.u32(spec.replicas);
    put(out, spec.constraints);
    out.u32(spec.max_replicas_per_node);
    put(out, spec.limits);
    put(out, spec.reservations);
    put(out, plain_of(spec.depends_on));
    put(out, spec.labels);
    put(out, spec.stop_grace_period);
    ServiceSpec later = spec;
    std::erase_if(later.ports, [](Port const& port) { return plain(port); });
    std::erase_if(later.depends_on, [](Dependency const& each) { return plain(each); });
    tagged::Writer(out).put_fields(later);
    return out.take();
}

std::expected<ServiceSpec, Errc> decode(base::ByteView bytes) {
    ByteReader in(bytes);
    std::uint8_t const version = in.u8();
    if (bytes.size() > encoded_max || version < encoding_version) {
        return std::unexpected(Errc::malformed);
    }
    if (version > encoding_version) {
        return std::unexpected(Errc::newer);
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
    std::vector<Port> const plain_ports = std::exchange(spec.ports, {});
    std::vector<Dependency> const plain_dependencies = std::exchange(spec.depends_on, {});
    tagged::Trouble trouble;
    tagged::Reader(in, trouble).get_fields(spec);
    if (trouble.newer && !trouble.malformed && in.complete()) {
        return std::unexpected(Errc::newer);
    }
    join(spec.ports, plain_ports);
    join(spec.depends_on, plain_dependencies);
    // One spec has one encoding: a padded number or an unsorted map is refused here, else two hosts
    // could hold the same service under different bytes.
    if (trouble.malformed || !in.complete() || !valid(spec) ||
        !std::ranges::equal(encode(spec), bytes)) {
        return std::unexpected(Errc::malformed);
    }
    return spec;
}

}  // namespace spec
