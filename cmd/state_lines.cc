#include "cmd/state_lines.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "agent/records.h"
#include "base/text.h"
#include "net/admin/json_text.h"
#include "spec/spec.h"

namespace cmd {
namespace {

namespace json = boost::json;

constexpr std::string_view version_field = "covey_state";

void add_line(std::string& out, json::object const& object) {
    out += json::serialize(object);
    out += '\n';
}

// A name as text where it is text, else as its bytes.
void put_name(json::object& object, std::string_view field, std::string const& name) {
    if (net::valid_utf8(name) == name) {
        object[field] = json::value(name);
    } else {
        object[base::concat(field, "_base64")] = json::value(net::base64(base::as_bytes(name)));
    }
}

void put_reading(json::object& object, std::string const& reading) {
    if (!reading.empty()) {
        object["reads"] = json::value(net::valid_utf8(reading));
    }
}

std::string line_of(crdt::Entry const& entry) {
    json::object object;
    put_name(object, "key", entry.key);
    object["counter"] = entry.stamp.counter;
    object["writer"] = json::value(to_string(entry.stamp.writer));
    if (entry.replaced.counter > 0) {
        object["replaced_writer"] = json::value(to_string(entry.replaced.writer));
    }
    object["sequence"] = entry.dot.sequence;
    if (entry.value) {
        object["value"] = json::value(net::base64(*entry.value));
        put_reading(object, reading_of(entry.key, *entry.value));
    } else {
        object["value"] = nullptr;
        object["reads"] = "removed";
    }
    std::string out;
    add_line(out, object);
    return out;
}

// The fields of one line. A field that is missing or of another kind makes failed() true.
class Fields {
public:
    explicit Fields(json::object const& object) : object_(object) {}

    [[nodiscard]] bool has(std::string_view name) const { return object_.contains(name); }

    [[nodiscard]] bool is_null(std::string_view name) const {
        json::value const* const found = object_.if_contains(name);
        return found != nullptr && found->is_null();
    }

    std::uint64_t number(std::string_view name) {
        json::value const* const found = object_.if_contains(name);
        if (found != nullptr && found->is_int64() && found->get_int64() >= 0) {
            return static_cast<std::uint64_t>(found->get_int64());
        }
        failed_ = failed_ || found == nullptr || !found->is_uint64();
        return failed_ ? 0 : found->get_uint64();
    }

    std::string text(std::string_view name) {
        json::value const* const found = object_.if_contains(name);
        failed_ = failed_ || found == nullptr || !found->is_string();
        return failed_ ? std::string()
                       : std::string(found->get_string().data(), found->get_string().size());
    }

    base::Bytes bytes(std::string_view name) {
        std::optional<base::Bytes> decoded = net::unbase64(text(name));
        failed_ = failed_ || !decoded;
        return decoded ? *std::move(decoded) : base::Bytes();
    }

    base::NodeId node(std::string_view name) {
        std::optional<base::NodeId> const id = base::parse_node_id(text(name));
        failed_ = failed_ || !id;
        return id.value_or(base::NodeId{});
    }

    // put_name()
    std::string name(std::string_view field) {
        std::string const coded = base::concat(field, "_base64");
        return has(coded) ? std::string(base::as_text(bytes(coded))) : text(field);
    }

    [[nodiscard]] bool failed() const { return failed_; }

private:
    json::object const& object_;
    bool failed_ = false;
};

std::optional<crdt::Entry> entry_of(Fields& in) {
    crdt::Entry entry;
    entry.key = in.name("key");
    entry.stamp = {.counter = in.number("counter"), .writer = in.node("writer")};
    if (in.has("replaced_writer") && entry.stamp.counter > 0) {
        entry.replaced = {.counter = entry.stamp.counter - 1, .writer = in.node("replaced_writer")};
    }
    entry.dot = {.origin = entry.stamp.writer, .sequence = in.number("sequence")};
    if (!in.is_null("value")) {
        entry.value = in.bytes("value");
    }
    return in.failed() || !well_formed(entry) ? std::nullopt : std::optional(std::move(entry));
}

// One line behind the first; false if it is none that to_lines() writes.
bool take_line(Fields& in, crdt::Batch& out) {
    if (in.has("origin")) {
        base::NodeId const origin = in.node("origin");
        std::uint64_t const sequence = in.number("sequence");
        out.version.raise(origin, sequence);
        return !in.failed() && sequence > 0 && out.version.of(origin) == sequence;
    }
    if (in.has("local") || in.has("local_base64")) {
        std::string name = in.name("local");
        return out.locals.emplace(std::move(name), in.bytes("value")).second && !in.failed();
    }
    auto entry = entry_of(in);
    if (entry) {
        out.entries.push_back(*std::move(entry));
    }
    return entry.has_value();
}

std::string service_reading(base::ByteView value) {
    auto const service = spec::decode(value);
    if (!service) {
        return {};
    }
    std::string const count = service->mode == spec::Mode::global
                                  ? "on every host"
                                  : base::concat(service->replicas, " replicas");
    return base::concat(service->image, ", ", count, ", revision ", revision(*service));
}

}  // namespace

std::string reading_of(std::string_view key, base::ByteView value) {
    if (key.starts_with("service/")) {
        return service_reading(value);
    }
    if (key.starts_with("scale/")) {
        auto const replicas = agent::decode_replicas(value);
        return replicas ? base::concat(*replicas, " replicas") : "";
    }
    if (key.ends_with("/facts")) {
        auto const facts = agent::decode_facts(value);
        return facts ? base::concat("host ", facts->name, ", ", facts->arch, ", version ",
                                    facts->version)
                     : "";
    }
    if (key.ends_with("/wish")) {
        auto const wish = agent::decode_wish(value);
        return wish ? (wish->evicted ? "evicted" : "not evicted") : "";
    }
    if (key.starts_with("instance/")) {
        auto const record = agent::decode_instance(value);
        return record ? base::concat("slot ", record->slot, " of ", record->service, ", revision ",
                                     record->revision, ", container ", record->container)
                      : "";
    }
    if (key.starts_with("subnet/") || key.starts_with("vip/")) {
        return base::concat("claimed by ", base::as_text(value));
    }
    return key.starts_with("token/") ? "a join token" : "";
}

std::string to_lines(crdt::Loaded state) {
    std::ranges::sort(state.entries, {}, &crdt::Entry::key);
    std::string out;
    add_line(out, {{version_field, state_lines_version},
                   {"entries", state.entries.size()},
                   {"origins", state.version.origins().size()},
                   {"locals", state.locals.size()}});
    for (auto const& [origin, sequence] : state.version.origins()) {
        add_line(out, {{"origin", json::value(to_string(origin))}, {"sequence", sequence}});
    }
    for (auto const& [name, value] : state.locals) {
        json::object object;
        put_name(object, "local", name);
        object["value"] = json::value(net::base64(value));
        add_line(out, object);
    }
    for (crdt::Entry const& entry : state.entries) {
        out += line_of(entry);
    }
    return out;
}

base::Result<crdt::Batch> from_lines(std::string_view text) {
    crdt::Batch out;
    std::uint64_t entries = 0, origins = 0, locals = 0;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        std::size_t const end = std::min(text.find('\n'), text.size());
        std::string_view const line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        auto const wrong = [&](std::string_view what) {
            return base::fail(base::concat("line ", number, " ", what));
        };
        boost::system::error_code error;
        json::value const parsed = json::parse(line, error);
        if (error || !parsed.is_object()) {
            return wrong("is no JSON object");
        }
        Fields in(parsed.get_object());
        if (number > 1) {
            if (!take_line(in, out)) {
                return wrong("is not a line of an exported state");
            }
            continue;
        }
        std::uint64_t const version = in.number(version_field);
        entries = in.number("entries");
        origins = in.number("origins");
        locals = in.number("locals");
        if (in.failed()) {
            return wrong("does not begin an exported state");
        }
        if (version != state_lines_version) {
            return wrong(base::concat("says version ", version, ", this one reads ",
                                      state_lines_version, ": install the newer version"));
        }
    }
    if (number == 0 || out.entries.size() != entries || out.version.origins().size() != origins ||
        out.locals.size() != locals) {
        return base::fail(base::concat("it ends early: ", out.entries.size(), " of ", entries,
                                       " entries, ", out.version.origins().size(), " of ", origins,
                                       " origins, ", out.locals.size(), " of ", locals,
                                       " local values"));
    }
    return out;
}

}  // namespace cmd
