#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_path.h"
#include "spec/compose_service.h"
#include "spec/compose_text.h"
#include "spec/compose_units.h"
#include "spec/rules.h"

namespace spec {

namespace {

constexpr std::string_view mounts_scope = "services.*.volumes";

// A mount while its keys are read, in whatever order they stand.
struct Draw {
    Mount mount;
    std::string source;
    std::string target;
    std::optional<MountKind> kind;
    bool foreign{};  // of a kind that no host of a fleet has
};

constexpr auto propagations =
    std::to_array<Choice<Propagation>>({{"rprivate", Propagation::rprivate},
                                        {"private", Propagation::private_},
                                        {"rshared", Propagation::rshared},
                                        {"shared", Propagation::shared},
                                        {"rslave", Propagation::rslave},
                                        {"slave", Propagation::slave},
                                        {"", Propagation::rprivate}});

void add_mount(Report& report, Field const& field, std::string_view target, Mount mount,
               Draft& draft) {
    std::optional<std::string> path = read_container_path(report, field, target);
    if (!path) {
        return;
    }
    if (draft.spec.storage.mounts.size() == list_max) {
        report.error(field, base::concat("expected at most ", list_max, " mounts in a service"));
        return;
    }
    if (!draft.spec.storage.mounts.try_emplace(*path, std::move(mount)).second) {
        report.error(field, base::concat("something is mounted at ", *path, " already"));
    }
}

// Names the volume that `key` of the top level is.
bool name_volume(Report& report, Field const& field, std::string const& key, Draft& draft,
                 Mount& mount) {
    auto const& volumes = draft.definitions->volumes;
    auto const found = volumes.find(key);
    if (found == volumes.end()) {
        report.error(
            field, base::concat("expected a volume of the top-level volumes, found ", quote(key)));
        return false;
    }
    mount.source = found->second.name;
    mount.volume = found->second.volume;
    return true;
}

bool is_path(std::string_view source) {
    return source.starts_with('/') || source.starts_with('.') || source.starts_with('~');
}

// The word as an option of a short mount.
bool take_option(Report& report, Field const& field, std::string_view option, Mount& mount) {
    auto const* const propagation =
        std::ranges::find(propagations, option, &Choice<Propagation>::name);
    if (option == "ro" || option == "rw") {
        mount.read_only = option == "ro";
    } else if (option == "z" || option == "Z") {
        mount.selinux = option == "z" ? Selinux::shared : Selinux::private_;
    } else if (option == "nocopy" || option == "volume-nocopy") {
        mount.nocopy = true;
    } else if (option == "cached" || option == "delegated" || option == "consistent") {
        report.note(field, mounts_scope, "consistency");
    } else if (propagation != propagations.end() && !option.empty()) {
        mount.propagation = propagation->value;
    } else {
        return false;
    }
    return true;
}

// [SOURCE:]TARGET[:OPTION,...]
void read_short_mount(Report& report, Field const& field, Draft& draft) {
    std::optional<std::string> const text = read_filled_text(report, field);
    if (!text) {
        return;
    }
    bool const drive = text->size() > 2 && (*text)[1] == ':' && (*text)[2] == '\\';
    if (drive) {
        report.warning(field, "not supported on a fleet: a path of Windows; nothing is mounted");
        return;
    }
    auto const parts = base::split(*text, ':');
    if (parts.size() > 3) {
        report.expected(field, "[SOURCE:]TARGET[:OPTIONS], such as data:/var/lib/data:ro");
        return;
    }
    Mount mount;
    if (parts.size() == 3) {
        for (std::string_view const option : base::split(parts[2], ',')) {
            if (!take_option(report, field, option, mount)) {
                report.error(field, base::concat("expected options such as ro, z or rslave, found ",
                                                 quote(option)));
                return;
            }
        }
    }
    std::string const source(parts.size() > 1 ? parts[0] : "");
    if (is_path(source)) {
        mount.kind = MountKind::bind;
        mount.nocopy = false;
        mount.source = host_path(report, field, source, draft.definitions->folder);
        if (mount.source.empty()) {
            return;
        }
    } else {
        mount.propagation = {};
        mount.selinux = {};
        if (!source.empty() && !name_volume(report, field, source, draft, mount)) {
            return;
        }
    }
    add_mount(report, field, parts.size() > 1 ? parts[1] : parts[0], std::move(mount), draft);
}

void read_type(Report& report, Field const& field, Draw& draw) {
    static constexpr auto kinds = std::to_array<Choice<MountKind>>({{"bind", MountKind::bind},
                                                                    {"volume", MountKind::volume},
                                                                    {"tmpfs", MountKind::tmpfs},
                                                                    {"image", MountKind::image}});
    if (field.value->text == "cluster" || field.value->text == "npipe") {
        report.warning(field, base::concat("not supported on a fleet: ", field.value->text,
                                           " is for others; nothing is mounted"));
        draw.foreign = true;
        return;
    }
    draw.kind = read_choice(report, field, kinds);
    draw.foreign = !draw.kind;
}

template <std::string Draw::* member>
void read_end(Report& report, Field const& field, Draw& draw) {
    draw.*member = read_text(report, field).value_or("");
}

template <bool Mount::* member>
void read_mount_flag(Report& report, Field const& field, Mount& mount) {
    mount.*member = read_bool(report, field).value_or(mount.*member);
}

void read_read_only(Report& report, Field const& field, Draw& draw) {
    read_mount_flag<&Mount::read_only>(report, field, draw.mount);
}

void read_propagation(Report& report, Field const& field, Mount& mount) {
    mount.propagation = read_choice(report, field, propagations).value_or(Propagation::rprivate);
}

void read_recursive(Report& report, Field const& field, Mount& mount) {
    static constexpr auto choices =
        std::to_array<Choice<Recursive>>({{"enabled", Recursive::enabled},
                                          {"disabled", Recursive::disabled},
                                          {"writable", Recursive::writable},
                                          {"readonly", Recursive::readonly}});
    mount.recursive = read_choice(report, field, choices).value_or(Recursive::enabled);
}

void read_selinux(Report& report, Field const& field, Mount& mount) {
    static constexpr auto choices = std::to_array<Choice<Selinux>>(
        {{"z", Selinux::shared}, {"Z", Selinux::private_}, {"", Selinux::none}});
    mount.selinux = read_choice(report, field, choices).value_or(Selinux::none);
}

void read_subpath(Report& report, Field const& field, Mount& mount) {
    mount.subpath = read_text(report, field).value_or("");
}

void read_tmpfs_size(Report& report, Field const& field, Mount& mount) {
    mount.tmpfs_bytes = read_bytes(report, field).value_or(0);
}

void read_tmpfs_mode(Report& report, Field const& field, Mount& mount) {
    mount.tmpfs_mode = read_file_mode(report, field).value_or(0);
}

void read_bind(Report& report, Field const& field, Draw& draw) {
    static constexpr std::array<Key<Mount>, 4> keys{{
        {"create_host_path", read_mount_flag<&Mount::create_host_path>},
        {"propagation", read_propagation},
        {"recursive", read_recursive},
        {"selinux", read_selinux},
    }};
    read_keys<Mount>(report, field, draw.mount, "services.*.volumes.bind", keys);
}

void read_volume(Report& report, Field const& field, Draw& draw) {
    static constexpr std::array<Key<Mount>, 2> keys{
        {{"nocopy", read_mount_flag<&Mount::nocopy>}, {"subpath", read_subpath}}};
    read_keys<Mount>(report, field, draw.mount, "services.*.volumes.volume", keys);
}

void read_mount_tmpfs(Report& report, Field const& field, Draw& draw) {
    static constexpr std::array<Key<Mount>, 2> keys{
        {{"mode", read_tmpfs_mode}, {"size", read_tmpfs_size}}};
    read_keys<Mount>(report, field, draw.mount, "services.*.volumes.tmpfs", keys);
}

void read_mount_image(Report& report, Field const& field, Draw& draw) {
    static constexpr std::array<Key<Mount>, 1> keys{{{"subpath", read_subpath}}};
    read_keys<Mount>(report, field, draw.mount, "services.*.volumes.image", keys);
}

// What another kind would have used has no effect, as in Compose.
Mount of_kind(Mount const& drawn, MountKind kind) {
    Mount mount;
    mount.kind = kind;
    mount.read_only = drawn.read_only;
    switch (kind) {
        case MountKind::volume:
            mount.nocopy = drawn.nocopy;
            mount.subpath = drawn.subpath;
            break;
        case MountKind::bind:
            mount.propagation = drawn.propagation;
            mount.recursive = drawn.recursive;
            mount.selinux = drawn.selinux;
            mount.create_host_path = drawn.create_host_path;
            break;
        case MountKind::tmpfs:
            mount.tmpfs_bytes = drawn.tmpfs_bytes;
            mount.tmpfs_mode = drawn.tmpfs_mode;
            break;
        case MountKind::image:
            mount.subpath = drawn.subpath;
            break;
    }
    return mount;
}

void read_long_mount(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draw>, 8> keys{{
        {"bind", read_bind},
        {"image", read_mount_image},
        {"read_only", read_read_only},
        {"source", read_end<&Draw::source>},
        {"target", read_end<&Draw::target>},
        {"tmpfs", read_mount_tmpfs},
        {"type", read_type},
        {"volume", read_volume},
    }};
    Draw draw;
    read_keys<Draw>(report, field, draw, mounts_scope, keys);
    if (draw.foreign) {
        return;
    }
    if (!draw.kind) {
        report.error(field, "expected a type of mount, found none");
        return;
    }
    Mount mount = of_kind(draw.mount, *draw.kind);
    switch (*draw.kind) {
        case MountKind::bind:
            mount.source = host_path(report, field, draw.source, draft.definitions->folder);
            if (mount.source.empty()) {
                return;
            }
            break;
        case MountKind::volume:
            if (!draw.source.empty() && !name_volume(report, field, draw.source, draft, mount)) {
                return;
            }
            break;
        case MountKind::image:
            if (!valid_image(draw.source)) {
                report.error(field, "expected an image as source");
                return;
            }
            mount.source = draw.source;
            break;
        case MountKind::tmpfs:
            break;
    }
    add_mount(report, field, draw.target, std::move(mount), draft);
}

void read_volumes(Report& report, Field const& field, Draft& draft) {
    for (Field const& item : read_items(report, field, "a list of mounts")) {
        if (item.value->kind == Node::Kind::map) {
            read_long_mount(report, item, draft);
        } else {
            read_short_mount(report, item, draft);
        }
    }
}

// TARGET[:OPTION,...]
void read_tmpfs(Report& report, Field const& field, Draft& draft) {
    for (std::string const& text : read_texts(report, field)) {
        std::size_t const colon = std::min(text.find(':'), text.size());
        Mount mount;
        mount.kind = MountKind::tmpfs;
        std::string_view const options = std::string_view(text).substr(colon);
        for (std::string_view const option :
             base::split(options.substr(options.empty() ? 0 : 1), ',')) {
            std::string_view const value =
                option.substr(std::min(option.find('=') + 1, option.size()));
            auto const size = parse_memory(value);
            auto const mode = parse_file_mode(value);
            if (option.starts_with("size=") && size) {
                mount.tmpfs_bytes = *size;
            } else if (option.starts_with("mode=") && mode) {
                mount.tmpfs_mode = *mode;
            } else if (option == "ro" || option == "rw") {
                mount.read_only = option == "ro";
            } else if (!option.empty()) {
                mount.options.emplace(option);
            }
        }
        add_mount(report, field, text.substr(0, colon), std::move(mount), draft);
    }
}

void read_shm_size(Report& report, Field const& field, Draft& draft) {
    draft.spec.storage.shm_bytes = read_bytes(report, field).value_or(0);
}

constexpr std::array<Key<Draft>, 8> keys{{
    {"configs", read_file_mounts},
    {"device_cgroup_rules", read_set<&ServiceSpec::storage, &Storage::device_cgroup_rules>},
    {"devices", read_devices},
    {"gpus", read_device_requests},
    {"secrets", read_file_mounts},
    {"shm_size", read_shm_size},
    {"tmpfs", read_tmpfs},
    {"volumes", read_volumes},
}};

}  // namespace

std::optional<std::string> read_container_path(Report& report, Field const& field,
                                               std::string_view text) {
    std::string path = clean_path(text);
    if (!text.starts_with('/') || !valid_container_path(path)) {
        report.error(field, base::concat("expected an absolute path in the container, found ",
                                         text.empty() ? "none" : quote(text)));
        return std::nullopt;
    }
    return path;
}

std::span<Key<Draft> const> storage_keys() {
    return keys;
}

}  // namespace spec
