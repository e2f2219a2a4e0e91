#pragma once

#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "spec/rules.h"

// The encoding of records that grow: a record is its fields as (tag, size, bytes), tags ascending,
// and only those that differ from their default. A field that a later version adds changes no
// bytes where it is not used, and a reader that does not know it can say so.
//
// A record type has, in fields.h, an overload of fields(record, visit) that calls
// visit(tag, member) for each member in ascending order of tags. A tag is never used again for
// something else. An enumeration has a last enumerator there, enum_last<E>; later ones may follow.
namespace spec::tagged {

template <class E>
inline constexpr E enum_last = E{};

struct AnyVisitor {
    template <class T>
    void operator()(std::uint64_t, T&) const {}
};

template <class T>
concept Record = requires(T& record, AnyVisitor const& visit) { fields(record, visit); };

template <class T>
concept Enum = std::is_enum_v<T>;

class Writer {
public:
    explicit Writer(base::ByteWriter& out) : out_(out) {}

    void put(bool value) { out_.u8(value ? 1 : 0); }

    void put(Enum auto value) { out_.u8(std::to_underlying(value)); }

    void put(std::string const& text) { out_.sized(text); }

    void put(base::Duration value) { out_.varint(static_cast<std::uint64_t>(value.count())); }

    template <std::unsigned_integral T>
    void put(T value) {
        out_.varint(value);
    }

    // Zigzag: small numbers of either sign are short.
    template <std::signed_integral T>
    void put(T value) {
        auto const wide = static_cast<std::int64_t>(value);
        out_.varint((static_cast<std::uint64_t>(wide) << 1) ^
                    static_cast<std::uint64_t>(wide >> 63));
    }

    template <class T>
    void put(std::optional<T> const& value) {
        put(value.has_value());
        if (value) {
            put(*value);
        }
    }

    template <class T>
    void put(std::vector<T> const& list) {
        put_all(list);
    }

    void put(std::set<std::string> const& set) { put_all(set); }

    template <class T>
    void put(std::map<std::string, T> const& map) {
        out_.varint(map.size());
        for (auto const& [name, value] : map) {
            put(name);
            put(value);
        }
    }

    template <Record T>
    void put(T const& record) {
        base::ByteWriter inside;
        Writer(inside).put_fields(record);
        out_.sized(inside.view());
    }

    // The fields alone, for a record that ends where its input ends.
    template <class T>
    void put_fields(T const& record) {
        T const defaults{};
        std::vector<base::Bytes> plain;
        fields(defaults,
               [&plain](std::uint64_t, auto const& field) { plain.push_back(bytes_of(field)); });
        std::size_t at = 0;
        fields(record, [&](std::uint64_t tag, auto const& field) {
            base::Bytes const bytes = bytes_of(field);
            if (bytes != plain[at++]) {
                out_.varint(tag);
                out_.sized(bytes);
            }
        });
    }

private:
    template <class T>
    static base::Bytes bytes_of(T const& field) {
        base::ByteWriter out;
        if constexpr (Record<T>) {
            Writer(out).put_fields(field);
        } else {
            Writer(out).put(field);
        }
        return out.take();
    }

    void put_all(auto const& list) {
        out_.varint(list.size());
        for (auto const& item : list) {
            put(item);
        }
    }

    base::ByteWriter& out_;
};

// What went wrong anywhere in an input; both may have.
struct Trouble {
    bool malformed{};
    bool newer{};  // a tag or an enumerator that this build does not know
};

// Reads what Writer wrote. It checks bounds, not order: whether bytes are the one encoding of what
// they say is seen by encoding again.
class Reader {
public:
    Reader(base::ByteReader& in, Trouble& trouble) : in_(in), trouble_(trouble) {}

    void get(bool& value) {
        std::uint8_t const byte = in_.u8();
        trouble_.malformed |= byte > 1;
        value = byte == 1;
    }

    template <Enum E>
    void get(E& value) {
        std::uint8_t const byte = in_.u8();
        trouble_.newer |= byte > std::to_underlying(enum_last<E>);
        value = static_cast<E>(byte);
    }

    void get(std::string& text) {
        text = in_.text(text_max);
        trouble_.malformed |= !valid_text(text);
    }

    void get(base::Duration& value) {
        std::uint64_t const count = in_.varint();
        trouble_.malformed |= count > static_cast<std::uint64_t>(duration_max.count());
        value = base::Duration(static_cast<base::Duration::rep>(count));
    }

    template <std::unsigned_integral T>
    void get(T& value) {
        std::uint64_t const wide = in_.varint();
        trouble_.malformed |= wide > std::numeric_limits<T>::max();
        value = static_cast<T>(wide);
    }

    template <std::signed_integral T>
    void get(T& value) {
        std::uint64_t const zigzag = in_.varint();
        auto const wide = static_cast<std::int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
        trouble_.malformed |= !std::in_range<T>(wide);
        value = static_cast<T>(wide);
    }

    template <class T>
    void get(std::optional<T>& value) {
        bool given{};
        get(given);
        if (given) {
            get(value.emplace());
        }
    }

    template <class T>
    void get(std::vector<T>& list) {
        for (std::uint64_t left = count(); left > 0 && !in_.failed(); --left) {
            get(list.emplace_back());
        }
    }

    void get(std::set<std::string>& set) {
        for (std::uint64_t left = count(); left > 0 && !in_.failed(); --left) {
            std::string item;
            get(item);
            set.insert(std::move(item));
        }
    }

    template <class T>
    void get(std::map<std::string, T>& map) {
        for (std::uint64_t left = count(); left > 0 && !in_.failed(); --left) {
            std::string name;
            get(name);
            get(map[std::move(name)]);
        }
    }

    template <Record T>
    void get(T& record) {
        base::ByteReader inside(in_.sized(in_.remaining()));
        Reader(inside, trouble_).get_fields(record);
    }

    // Fields to the end of the input.
    template <class T>
    void get_fields(T& record) {
        std::map<std::uint64_t, base::ByteView> given;
        while (!in_.at_end() && !in_.failed()) {
            std::uint64_t const tag = in_.varint();
            trouble_.malformed |= !given.try_emplace(tag, in_.sized(in_.remaining())).second;
        }
        trouble_.malformed |= in_.failed();
        fields(record, [&](std::uint64_t tag, auto& field) {
            auto const found = given.find(tag);
            if (found == given.end()) {
                return;
            }
            base::ByteReader value(found->second);
            std::remove_reference_t<decltype(field)> read{};
            if constexpr (Record<decltype(read)>) {
                Reader(value, trouble_).get_fields(read);
            } else {
                Reader(value, trouble_).get(read);
            }
            trouble_.malformed |= !value.complete();
            field = std::move(read);
            given.erase(found);
        });
        trouble_.newer |= !given.empty();
    }

private:
    std::uint64_t count() {
        std::uint64_t const size = in_.varint();
        trouble_.malformed |= size > list_max;
        return trouble_.malformed ? 0 : size;
    }

    base::ByteReader& in_;
    Trouble& trouble_;
};

}  // namespace spec::tagged
