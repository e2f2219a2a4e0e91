#include "crdt/rocks_records.h"

#include <algorithm>
#include <string>

#include <rocksdb/db.h>

#include "crdt/codec.h"

namespace crdt::rocks {

namespace {

constexpr char origin_prefix = 'v';
constexpr std::string_view version_key_1 = "m/version";

std::string key_of(base::NodeId const& origin) {
    std::string key(1, origin_prefix);
    key.append(base::as_text(std::as_bytes(std::span(origin.bytes))));
    return key;
}

bool read_origin(std::string_view key, base::ByteReader& in, Loaded& out) {
    base::NodeId origin;
    if (!key.starts_with(origin_prefix) || key.size() != 1 + origin.bytes.size()) {
        return false;
    }
    std::ranges::copy(key.substr(1), origin.bytes.begin());
    std::uint64_t const sequence = in.u64();
    if (!in.complete() || sequence == 0 || sequence > counter_max) {
        return false;
    }
    out.version.raise(origin, sequence);
    return true;
}

bool read_entry(std::string_view key, base::ByteReader& in, Loaded& out) {
    auto entry = decode_entry(in);
    if (!entry || !in.complete() || entry->key != key) {
        return false;
    }
    out.entries.push_back(*std::move(entry));
    return true;
}

bool read_format_1(std::string_view key, base::ByteReader& in, std::string_view value,
                   Loaded& out) {
    if (key == version_key_1) {
        auto version = decode_version(in);
        if (!version || !in.complete()) {
            return false;
        }
        out.version = *std::move(version);
        return true;
    }
    if (key.starts_with('l')) {
        out.locals.insert_or_assign(std::string(key.substr(1)), base::to_bytes(value));
        return true;
    }
    return key.starts_with('e') && read_entry(key.substr(1), in, out);
}

}  // namespace

std::string_view name_of(Family family) {
    switch (family) {
        case Family::meta:
            return rocksdb::kDefaultColumnFamilyName;
        case Family::entries:
            return "entries";
        case Family::locals:
            return "locals";
    }
    return {};
}

bool read_record(std::uint32_t in_format, Family family, std::string_view key,
                 std::string_view value, Loaded& out) {
    base::ByteReader in(base::as_bytes(value));
    switch (family) {
        case Family::meta:
            if (key == format_key) {
                return true;
            }
            return in_format == 1 ? read_format_1(key, in, value, out) : read_origin(key, in, out);
        case Family::entries:
            return read_entry(key, in, out);
        case Family::locals:
            out.locals.insert_or_assign(std::string(key), base::to_bytes(value));
            return true;
    }
    return false;
}

rocksdb::Status add_changes(Batch const& batch, VersionVector const& written,
                            Handles const& handles, rocksdb::WriteBatch& out) {
    rocksdb::Status status;
    auto const put = [&](Family family, std::string_view key, base::ByteView value) {
        if (status.ok()) {
            status = out.Put(handles[static_cast<std::size_t>(family)], slice(key),
                             slice(base::as_text(value)));
        }
    };
    auto const remove = [&](Family family, std::string_view key) {
        if (status.ok()) {
            status = out.Delete(handles[static_cast<std::size_t>(family)], slice(key));
        }
    };
    for (std::string const& key : batch.collected) {
        remove(Family::entries, key);
    }
    for (Entry const& entry : batch.entries) {
        put(Family::entries, entry.key, encode(entry));
    }
    for (auto const& [name, value] : batch.locals) {
        if (value) {
            put(Family::locals, name, *value);
        } else {
            remove(Family::locals, name);
        }
    }
    for (auto const& [origin, sequence] : batch.version.origins()) {
        if (sequence != written.of(origin)) {
            base::ByteWriter value;
            value.u64(sequence);
            put(Family::meta, key_of(origin), value.view());
        }
    }
    for (auto const& [origin, sequence] : written.origins()) {
        if (batch.version.of(origin) == 0) {
            remove(Family::meta, key_of(origin));
        }
    }
    return status;
}

Batch content_of(Loaded const& loaded) {
    return {.entries = loaded.entries,
            .version = loaded.version,
            .locals = {loaded.locals.begin(), loaded.locals.end()}};
}

rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace crdt::rocks
