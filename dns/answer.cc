#include <algorithm>

#include "dns/message.h"
#include "dns/name.h"
#include "dns/zone.h"
#include "dns/zone_index.h"

namespace dns {

namespace {

using Section = Reply::Section;

// A question that is ours to answer.
struct Match {
    Entry const* entry{};     // null: the name does not exist
    std::size_t apex_skip{};  // what of the question's name precedes the zone that says so
};

Answer reply(base::Bytes message) {
    return {Answer::Kind::reply, std::move(message)};
}

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Names that are only meant within a project: tasks.web, 3.web, _http._tcp.web. If `web` is a
// service of the project, a missing one is missing; it is not a name of the world's.
bool is_project_name(Zone const& zone, std::string_view name, std::string_view service,
                     std::string_view project) {
    std::string_view const first = first_label(name);
    bool const shape = (label_count(name) == 2 && (first == "tasks" || is_number(first))) ||
                       first.starts_with('_');
    return shape && zone.find(std::string(service.substr(0, service.size() - 1)) +
                              std::string(project)) != nullptr;
}

// Nothing: the name is not ours.
std::optional<Match> match(Zone const& zone, std::string_view name, base::IpAddress const& client) {
    if (name.size() == 1) {
        return std::nullopt;
    }
    std::string_view last = name;
    for (std::string_view rest = name; rest.size() > 1; rest = parent(rest)) {
        Entry const* const entry = zone.find(rest);
        if (entry != nullptr && entry->apex) {
            return Match{zone.find(name), name.size() - rest.size()};
        }
        last = rest;
    }
    std::size_t const last_skip = name.size() - last.size();
    std::string_view const project = zone.project_suffix(client);
    if (!project.empty()) {
        std::string const full =
            std::string(name.substr(0, name.size() - 1)) + std::string(project);
        Entry const* const entry = zone.find(full);
        if (entry != nullptr || is_project_name(zone, name, last, project)) {
            return Match{entry, last_skip};
        }
    }
    if (last_skip == 0) {
        return Match{zone.find(name), 0};
    }
    return std::nullopt;
}

base::ByteView raw_address(base::IpAddress const& address) {
    auto const bytes = std::as_bytes(std::span(address.bytes));
    return address.is_v4() ? bytes.last(4) : base::ByteView(bytes);
}

base::Bytes srv_data(Srv const& srv) {
    constexpr std::uint16_t priority = 0;
    constexpr std::uint16_t weight = 1;
    base::ByteWriter writer;
    writer.u16(priority);
    writer.u16(weight);
    writer.u16(srv.port);
    writer.raw(base::as_bytes(srv.target));
    return writer.take();
}

// RFC 8482, 4.2: one small record stands for "ask for the type you want".
base::Bytes any_data() {
    base::ByteWriter writer;
    constexpr std::string_view cpu = "RFC8482";
    writer.u8(cpu.size());
    writer.raw(base::as_bytes(cpu));
    writer.u8(0);
    return writer.take();
}

// Fills the sections of one reply; whole() turns false when an answer did not fit.
class Filling {
public:
    Filling(Zone const& zone, Reply& reply, std::uint32_t rotation)
        : zone_(zone), reply_(reply), rotation_(rotation) {}

    // How many answers there were to give.
    std::size_t answer(Match const& match, Type type);

    void say_soa(Section section, std::size_t skip) {
        std::uint32_t const ttl = section == Section::answer ? ttl_seconds : negative_ttl_seconds;
        note(reply_.add(section, skip, Type::soa, ttl, zone_.authority()));
    }

    [[nodiscard]] bool whole() const { return whole_; }

private:
    void note(bool fits) { whole_ = whole_ && fits; }

    std::size_t say_addresses(std::vector<base::IpAddress> const& addresses, Type type);
    std::size_t say_services(std::vector<Srv> const& services);
    std::size_t say_pointers(std::vector<std::string> const& targets);
    std::size_t say_apex(Match const& match, Type type);
    bool say_target(Srv const& srv);

    // The records of a list from the rotation on, until one does not fit.
    template <class Record, class Say>
    std::size_t rotate(std::vector<Record> const& records, Say say) {
        for (std::size_t at = 0; at < records.size() && whole_; ++at) {
            note(say(records[(at + rotation_) % records.size()]));
        }
        return records.size();
    }

    Zone const& zone_;
    Reply& reply_;
    std::uint32_t rotation_;
    bool whole_ = true;
};

std::size_t Filling::answer(Match const& match, Type type) {
    Entry const& entry = *match.entry;
    switch (type) {
        case Type::a:
            return say_addresses(entry.v4, type);
        case Type::aaaa:
            return say_addresses(entry.v6, type);
        case Type::srv:
            return say_services(entry.services);
        case Type::ptr:
            return say_pointers(entry.pointers);
        case Type::soa:
        case Type::ns:
            return say_apex(match, type);
        case Type::any:
            note(reply_.add(Section::answer, 0, Type::hinfo, ttl_seconds, any_data()));
            return 1;
        case Type::hinfo:
        case Type::opt:
        case Type::ixfr:
        case Type::axfr:
            return 0;
    }
    return 0;  // any other type
}

std::size_t Filling::say_addresses(std::vector<base::IpAddress> const& addresses, Type type) {
    return rotate(addresses, [&](base::IpAddress const& address) {
        return reply_.add(Section::answer, 0, type, ttl_seconds, raw_address(address));
    });
}

std::size_t Filling::say_services(std::vector<Srv> const& services) {
    rotate(services, [&](Srv const& srv) {
        return reply_.add(Section::answer, 0, Type::srv, ttl_seconds, srv_data(srv));
    });
    // Addresses save the client a question each; one that does not fit is asked for (RFC 2181, 9).
    for (std::size_t at = 0; at < services.size() && whole_; ++at) {
        if (!say_target(services[(at + rotation_) % services.size()])) {
            break;
        }
    }
    return services.size();
}

bool Filling::say_target(Srv const& srv) {
    Entry const* const target = zone_.find(srv.target);
    if (target == nullptr) {
        return true;
    }
    auto const say = [&](Type type) {
        return [this, type, &srv](base::IpAddress const& address) {
            return reply_.add(Section::additional, srv.target, type, ttl_seconds,
                              raw_address(address));
        };
    };
    return std::ranges::all_of(target->v4, say(Type::a)) &&
           std::ranges::all_of(target->v6, say(Type::aaaa));
}

std::size_t Filling::say_pointers(std::vector<std::string> const& targets) {
    return rotate(targets, [&](std::string const& target) {
        return reply_.add(Section::answer, 0, Type::ptr, ttl_seconds, base::as_bytes(target));
    });
}

std::size_t Filling::say_apex(Match const& match, Type type) {
    if (!match.entry->apex) {
        return 0;
    }
    if (type == Type::soa) {
        say_soa(Section::answer, 0);
    } else {
        note(reply_.add(Section::answer, 0, Type::ns, ttl_seconds,
                        base::as_bytes(zone_.name_server())));
    }
    return 1;
}

std::size_t size_max(Query const& query, Transport transport) {
    if (transport == Transport::tcp) {
        return message_max;
    }
    std::size_t const asked = query.edns ? query.edns->payload : udp_payload_min;
    return std::clamp(asked, udp_payload_min, udp_payload_max);
}

Answer fault_answer(Fault fault, base::ByteView query) {
    switch (fault) {
        case Fault::not_a_query:
            return {Answer::Kind::drop, {}};
        case Fault::unknown_opcode:
            return reply(bare_error(query, Rcode::not_implemented));
        case Fault::malformed:
            return reply(bare_error(query, Rcode::format_error));
    }
    return {Answer::Kind::drop, {}};
}

bool is_transfer(Query const& query) {
    return query.type == static_cast<std::uint16_t>(Type::axfr) ||
           query.type == static_cast<std::uint16_t>(Type::ixfr);
}

}  // namespace

Answer answer(Zone const& zone, base::ByteView message, Transport transport, base::IpAddress client,
              std::uint32_t rotation) {
    auto const query = parse_query(message);
    if (!query) {
        return fault_answer(query.error(), message);
    }
    Reply out(*query, size_max(*query, transport));
    if (query->edns && query->edns->version > 0) {
        return reply(out.finish(Rcode::bad_version));
    }
    if (query->klass != class_in) {
        return reply(out.finish(Rcode::refused));
    }
    auto const found = match(zone, query->name, client);
    if (!found) {
        return {Answer::Kind::forward, {}};
    }
    if (is_transfer(*query)) {
        return reply(out.finish(Rcode::refused));
    }
    out.set(flag::authoritative);
    Filling filling(zone, out, rotation);
    if (found->entry == nullptr || filling.answer(*found, Type{query->type}) == 0) {
        filling.say_soa(Section::authority, found->apex_skip);
    }
    // TCP has nothing to fall back to: there, what fits is the answer.
    if (!filling.whole() && transport == Transport::udp) {
        out.set(flag::truncated);
    }
    return reply(out.finish(found->entry == nullptr ? Rcode::name_error : Rcode::no_error));
}

base::Bytes servfail(base::ByteView message) {
    auto const query = parse_query(message);
    if (query) {
        return Reply(*query, udp_payload_min).finish(Rcode::server_failure);
    }
    return message.size() < header_size ? base::Bytes{}
                                        : bare_error(message, Rcode::server_failure);
}

}  // namespace dns
