#include "net/admin/admin_json.h"

#include <chrono>
#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include <boost/json.hpp>

#include "base/text.h"
#include "net/admin/admin_fields.h"
#include "net/admin/json_text.h"

namespace net {
namespace {

namespace json = boost::json;

json::value write(bool value) {
    return value;
}

json::value write(std::unsigned_integral auto value) {
    return static_cast<std::uint64_t>(value);
}

json::value write(std::signed_integral auto value) {
    return static_cast<std::int64_t>(value);
}

json::value write(std::string const& value) {
    return json::value(valid_utf8(value));
}

json::value write(base::NodeId const& value) {
    return json::value(to_string(value));
}

json::value write(base::IpAddress const& value) {
    return json::value(to_string(value));
}

json::value write(base::SocketAddress const& value) {
    return json::value(to_string(value));
}

json::value write(base::Duration value) {
    return std::chrono::duration_cast<base::milliseconds>(value).count();
}

json::value write(Microseconds<base::Duration const> duration) {
    return std::chrono::duration_cast<std::chrono::microseconds>(duration.value).count();
}

json::value write(spec::ServiceSpec const& value) {
    return json::value(base64(spec::encode(value)));
}

json::value write(AckHosts<agent::AckTerms const> hosts) {
    return json::value(agent::hosts_text(hosts.terms));
}

json::value write(Digest<std::uint64_t const> digest) {
    base::ByteWriter bytes;
    bytes.u64(digest.value);
    return json::value(base::hex(bytes.view()));
}

json::value write(Blob<std::string const> blob) {
    return json::value(base64(base::as_bytes(blob.value)));
}

template <class Enum>
    requires std::is_enum_v<Enum>
json::value write(Enum value) {
    for (auto const& [known, name] : names_of(value)) {
        if (known == value) {
            return json::value(name);
        }
    }
    return nullptr;
}

template <class T>
json::value write(std::optional<T> const& value);
template <class T>
json::value write(std::vector<T> const& values);

class Writer {
public:
    template <class T>
    void operator()(std::string_view key, T const& value) {
        object_.emplace(key, write(value));
    }

    template <class T>
    void operator()(std::string_view key, Later<T> field) {
        object_.emplace(key, write(field.value));
    }

    [[nodiscard]] json::object take() { return std::move(object_); }

private:
    json::object object_;
};

template <class Body>
    requires requires(Writer& archive, Body const& body) { fields(archive, body); }
json::value write(Body const& body) {
    Writer writer;
    fields(writer, body);
    return writer.take();
}

template <class T>
json::value write(std::optional<T> const& value) {
    return value ? write(*value) : json::value(nullptr);
}

template <class T>
json::value write(std::vector<T> const& values) {
    json::array array;
    array.reserve(values.size());
    for (T const& value : values) {
        array.push_back(write(value));
    }
    return array;
}

std::optional<std::string_view> text_of(json::value const& in) {
    json::string const* const text = in.if_string();
    return text ? std::optional(std::string_view(text->data(), text->size())) : std::nullopt;
}

// Puts a parsed value where it belongs; false where there is none.
template <class T>
bool assign(T& out, std::optional<T> value) {
    if (!value) {
        return false;
    }
    out = *std::move(value);
    return true;
}

bool read(json::value const& in, bool& out) {
    bool const* const value = in.if_bool();
    return value != nullptr && (out = *value, true);
}

template <std::integral Integer>
bool read(json::value const& in, Integer& out) {
    json::error_code error;
    auto const value = in.to_number<Integer>(error);
    if (!error) {
        out = value;
    }
    return !error;
}

bool read(json::value const& in, std::string& out) {
    return assign(out, text_of(in).transform([](auto text) { return std::string(text); }));
}

bool read(json::value const& in, base::NodeId& out) {
    return assign(out, text_of(in).and_then(base::parse_node_id));
}

bool read(json::value const& in, base::IpAddress& out) {
    return assign(out, text_of(in).and_then(base::parse_ip));
}

bool read(json::value const& in, base::SocketAddress& out) {
    return assign(
        out, text_of(in).and_then([](auto text) { return base::parse_socket_address(text, 0); }));
}

template <class Unit>
bool read_duration(json::value const& in, base::Duration& out) {
    std::int64_t count{};
    constexpr std::int64_t count_max =
        std::chrono::duration_cast<Unit>(base::Duration::max()).count();
    if (!read(in, count) || count > count_max || count < -count_max) {
        return false;
    }
    out = Unit(count);
    return true;
}

bool read(json::value const& in, base::Duration& out) {
    return read_duration<base::milliseconds>(in, out);
}

bool read(json::value const& in, Microseconds<base::Duration> out) {
    return read_duration<std::chrono::microseconds>(in, out.value);
}

bool read(json::value const& in, spec::ServiceSpec& out) {
    std::optional<base::Bytes> const bytes = text_of(in).and_then(unbase64);
    if (!bytes || bytes->size() > spec::encoded_max) {
        return false;
    }
    auto decoded = spec::decode(*bytes);
    if (!decoded) {
        return false;
    }
    out = *std::move(decoded);
    return true;
}

bool read(json::value const& in, AckHosts<agent::AckTerms> out) {
    std::optional<std::string_view> const text = text_of(in);
    return text && agent::read_hosts(*text, out.terms);
}

bool read(json::value const& in, Digest<std::uint64_t> out) {
    std::optional<base::Bytes> const bytes = text_of(in).and_then(base::unhex);
    if (!bytes || bytes->size() != sizeof(std::uint64_t)) {
        return false;
    }
    out.value = base::ByteReader(*bytes).u64();
    return true;
}

bool read(json::value const& in, Blob<std::string> out) {
    std::optional<base::Bytes> const bytes = text_of(in).and_then(unbase64);
    if (bytes) {
        out.value = base::as_text(*bytes);
    }
    return bytes.has_value();
}

template <class Enum>
    requires std::is_enum_v<Enum>
bool read(json::value const& in, Enum& out) {
    std::optional<std::string_view> const text = text_of(in);
    for (auto const& [known, name] : names_of(Enum{})) {
        if (text == name) {
            out = known;
            return true;
        }
    }
    return false;
}

template <class T>
bool read(json::value const& in, std::optional<T>& out);
template <class T>
bool read(json::value const& in, std::vector<T>& out);

class Reader {
public:
    explicit Reader(json::object const& object) : object_(object) {}

    template <class T>
    void operator()(std::string_view key, T&& out) {
        json::value const* const value = object_.if_contains(key);
        failed_ = failed_ || value == nullptr || !read(*value, out);
    }

    template <class T>
    void operator()(std::string_view key, Later<T> out) {
        json::value const* const value = object_.if_contains(key);
        failed_ = failed_ || (value != nullptr && !read(*value, out.value));
    }

    [[nodiscard]] bool failed() const { return failed_; }

private:
    json::object const& object_;
    bool failed_ = false;
};

template <class Body>
    requires requires(Reader& archive, Body& body) { fields(archive, body); }
bool read(json::value const& in, Body& out) {
    json::object const* const object = in.if_object();
    if (object == nullptr) {
        return false;
    }
    Reader reader(*object);
    fields(reader, out);
    return !reader.failed();
}

template <class T>
bool read(json::value const& in, std::optional<T>& out) {
    out.reset();
    return in.is_null() || read(in, out.emplace());
}

template <class T>
bool read(json::value const& in, std::vector<T>& out) {
    json::array const* const array = in.if_array();
    if (array == nullptr || array->size() > list_max) {
        return false;
    }
    for (json::value const& item : *array) {
        if (!read(item, out.emplace_back())) {
            return false;
        }
    }
    return true;
}

}  // namespace

template <class Body>
std::string to_json(Body const& body) {
    return json::serialize(write(body));
}

template <class Body>
base::Result<Body> from_json(std::string_view text) {
    json::error_code error;
    json::value const value = json::parse(json::string_view(text.data(), text.size()), error);
    Body body;
    if (error || !read(value, body)) {
        return base::fail("not a body of this version of the admin protocol");
    }
    return body;
}

#define COVEY_BODY(type)                       \
    template std::string to_json(type const&); \
    template base::Result<type> from_json<type>(std::string_view)

COVEY_BODY(agent::StatusReport);
COVEY_BODY(std::vector<agent::NodeReport>);
COVEY_BODY(std::vector<agent::ServiceReport>);
COVEY_BODY(std::vector<agent::InstanceReport>);
COVEY_BODY(std::vector<agent::ChangeReport>);
COVEY_BODY(std::vector<spec::ServiceSpec>);
COVEY_BODY(std::vector<ImageReport>);
COVEY_BODY(std::vector<std::string>);
COVEY_BODY(InfoReport);
COVEY_BODY(std::vector<agent::ConflictReport>);
COVEY_BODY(ChangeReport);
COVEY_BODY(runtime::LogPart);
COVEY_BODY(ApplyRequest);
COVEY_BODY(RemoveRequest);
COVEY_BODY(ScaleRequest);
COVEY_BODY(EvictRequest);
COVEY_BODY(ConflictRequest);
COVEY_BODY(TokenRequest);
COVEY_BODY(LoadRequest);
COVEY_BODY(TokenReply);
COVEY_BODY(ErrorReply);
COVEY_BODY(EmptyReply);

#undef COVEY_BODY

}  // namespace net
