#include "net/identity.h"

#include <algorithm>
#include <optional>

#include "net/state_dir.h"

namespace net {

namespace {
constexpr std::string_view kind = "covey identity";
constexpr std::string_view advice =
    "restore it from a backup, or remove it and join again as a new host";
constexpr std::uint64_t boot_count_max = (std::uint64_t{1} << 24) - 1;

struct Stored {
    Key seed;
    std::uint64_t boot_count{};
};

std::string path_in(std::string const& state_dir) {
    return state_dir + "/identity";
}

base::Result<std::optional<Stored>> load(std::string const& state_dir) {
    std::string const path = path_in(state_dir);
    auto content = TRY(read_state_file(path));
    if (!content) {
        return std::nullopt;
    }
    base::Bytes body = TRY(unpack_state(kind, *content, path, advice));
    Stored stored;
    base::ByteReader in(body);
    std::ranges::copy(in.raw(stored.seed.view().size()), stored.seed.bytes().begin());
    stored.boot_count = in.u64();
    bool const complete = in.complete();
    wipe(body);
    wipe(*content);
    if (!complete) {
        return base::fail(path + " is damaged: " + std::string(advice));
    }
    return stored;
}

base::Result<void> save(std::string const& state_dir, Stored const& stored) {
    base::ByteWriter out;
    out.raw(stored.seed.view());
    out.u64(stored.boot_count);
    base::Bytes body = out.take();
    base::Bytes content = pack_state(kind, body);
    auto const written = write_state_file(path_in(state_dir), content);
    wipe(body);
    wipe(content);
    return written;
}
}  // namespace

base::NodeId node_id_of(PublicKey const& key) {
    Digest const digest = hash({key});
    base::NodeId id;
    std::ranges::transform(base::ByteView(digest).first(id.bytes.size()), id.bytes.begin(),
                           [](std::byte byte) { return std::to_integer<std::uint8_t>(byte); });
    return id;
}

base::Result<Identity> load_or_make_identity(std::string const& state_dir) {
    auto const stored = TRY(load(state_dir));
    if (stored) {
        return Identity(stored->seed);
    }
    Identity made = Identity::generate();
    TRY_VOID(save(state_dir, {.seed = made.seed(), .boot_count = 0}));
    return made;
}

base::Result<std::uint64_t> raise_boot_count(std::string const& state_dir) {
    auto stored = TRY(load(state_dir));
    if (!stored) {
        return base::fail(path_in(state_dir) + " is missing: it is made at the first start");
    }
    if (stored->boot_count >= boot_count_max) {
        return base::fail(path_in(state_dir) + " has used up its starts: " + std::string(advice));
    }
    ++stored->boot_count;
    TRY_VOID(save(state_dir, *stored));
    return stored->boot_count;
}

std::uint64_t first_counter(std::uint64_t boot_count) {
    return boot_count << 40;
}

}  // namespace net
