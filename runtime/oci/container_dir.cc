#include "runtime/oci/container_dir.h"

#include <cerrno>
#include <map>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/oci/init_process.h"
#include "runtime/oci/name_files.h"
#include "runtime/system/file.h"

namespace runtime {
namespace {

constexpr std::size_t mount_options_max = 4095;  // mount(2) takes one page
constexpr std::size_t hostname_max = 63;
constexpr std::size_t hosts_file_max = 1 << 20;
constexpr char const* init_path = "/dev/init";  // in memory: the image is not touched
constexpr char const* default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

base::Result<std::vector<std::string>> arguments_of(ContainerSpec const& spec,
                                                    ImageConfig const& image) {
    std::vector<std::string> arguments = spec.entrypoint ? *spec.entrypoint : image.entrypoint;
    // An entrypoint of one's own makes the image's command meaningless.
    std::vector<std::string> const none;
    std::vector<std::string> const& fallback = spec.entrypoint ? none : image.command;
    std::vector<std::string> const& command = spec.command ? *spec.command : fallback;
    arguments.insert(arguments.end(), command.begin(), command.end());
    if (arguments.empty()) {
        return base::fail(base::concat("image ", spec.image,
                                       " has no command of its own: give the service a command"));
    }
    return arguments;
}

std::vector<std::string> environment_of(ContainerSpec const& spec, ImageConfig const& image,
                                        std::string const& hostname) {
    std::map<std::string, std::string> variables{{"PATH", default_path}, {"HOSTNAME", hostname}};
    if (spec.process.tty) {
        variables["TERM"] = "xterm";
    }
    for (std::string const& variable : image.environment) {
        std::size_t const equals = variable.find('=');
        if (equals != std::string::npos && equals > 0) {
            variables[variable.substr(0, equals)] = variable.substr(equals + 1);
        }
    }
    for (auto const& [name, value] : spec.environment) {
        variables[name] = value;
    }
    std::vector<std::string> environment;
    for (auto const& [name, value] : variables) {
        environment.push_back(base::concat(name, "=", value));
    }
    return environment;
}

// The name that processes see.
std::string hostname_of(ContainerSpec const& spec, std::string const& id) {
    if (spec.isolation.uts == Namespace::host) {
        utsname host{};
        uname(&host);
        return host.nodename;
    }
    std::string const& name = spec.networking.hostname;
    return (name.empty() ? id : name).substr(0, hostname_max);
}

// What a runtime shows of the container. Both kinds are notes of the user; Covey's own come last.
std::map<std::string, std::string> annotations_of(ContainerSpec const& spec) {
    std::map<std::string, std::string> annotations = spec.annotations;
    annotations.insert(spec.labels.begin(), spec.labels.end());
    if (!spec.networking.alias.empty()) {
        annotations["covey.container_name"] = spec.networking.alias;
    }
    return annotations;
}

// Readable by any user of the container.
base::Result<void> write_public(std::string const& path, std::string_view text) {
    base::Descriptor const file = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    if (fchmod(file.get(), 0644) != 0) {
        return base::fail_errno(errno, base::concat("set the mode of ", path));
    }
    return write_all(file.get(), text);
}

}  // namespace

std::string ContainerDir::file(std::string_view name) const {
    return base::concat(path_, "/", name);
}

base::Result<void> ContainerDir::create() const {
    if (file_exists(path_)) {
        return base::fail(base::concat(path_, " exists already"));
    }
    for (char const* const part : {"rootfs", "upper", "work"}) {
        TRY_VOID(make_directories(file(part)));
    }
    TRY_VOID(open_file(file("lock"), O_RDWR | O_CREAT, 0600));
    return {};
}

base::Result<void> ContainerDir::mount_root(std::string const& layers_dir,
                                            std::vector<std::string> const& layers) const {
    std::string lower;
    for (std::string const& layer : layers) {
        lower += base::concat(lower.empty() ? "" : ":", layer);
    }
    std::string const options =
        base::concat("lowerdir=", lower, ",upperdir=", file("upper"), ",workdir=", file("work"));
    if (layers.empty() || options.size() > mount_options_max) {
        return base::fail(
            base::concat("an image with ", layers.size(), " layers cannot be mounted"));
    }
    // Relative names keep the options short.
    if (unshare(CLONE_FS) != 0 || chdir(layers_dir.c_str()) != 0) {
        return base::fail_errno(errno, base::concat("enter ", layers_dir));
    }
    int const result = mount("overlay", root().c_str(), "overlay", MS_NODEV, options.c_str());
    int const error = errno;
    static_cast<void>(chdir("/"));
    if (result != 0) {
        return base::fail_errno(error, base::concat("mount an overlay on ", root()));
    }
    return {};
}

base::Result<void> ContainerDir::write_bundle(ContainerSpec const& spec, ImageConfig const& image,
                                              Fitted const& fitted,
                                              Surroundings const& place) const {
    std::string const hostname = hostname_of(spec, place.attachment.id);
    std::string host_names;
    if (spec.networking.mode == NetworkMode::host) {
        host_names = read_file("/etc/hosts", hosts_file_max).value_or("");
    }
    std::string const resolver = TRY(resolver_configuration(spec.networking, place.attachment));
    std::string const hosts =
        TRY(hosts_text(spec.networking, hostname, place.attachment, host_names));
    TRY_VOID(write_public(file("resolv.conf"), resolver));
    TRY_VOID(write_public(file("hostname"), base::concat(hostname, "\n")));
    TRY_VOID(write_public(file("hosts"), hosts));
    std::string const& user = spec.user.empty() ? image.user : spec.user;
    bool const fixed = spec.security.read_only_root;
    Bundle bundle{.root_path = root(),
                  .read_only_root = fixed,
                  .arguments = TRY(arguments_of(spec, image)),
                  .environment = environment_of(spec, image, hostname),
                  .user = TRY(resolve_user(root(), user, spec.security.groups)),
                  .terminal = spec.process.tty,
                  .hostname = hostname,
                  .domain_name = spec.networking.domain_name,
                  .network = spec.networking.mode,
                  .netns_path = place.attachment.netns_path,
                  .isolation = spec.isolation,
                  .confinement = fitted.confinement,
                  .devices = TRY(find_devices(spec.security)),
                  .cgroup_path = place.cgroup_path,
                  .limits = fitted.limits,
                  .block_devices = TRY(find_block_devices(fitted.limits.block_io)),
                  .tmpfs = spec.tmpfs,
                  .mounts = {{file("resolv.conf"), "/etc/resolv.conf", fixed},
                             {file("hosts"), "/etc/hosts", fixed},
                             {file("hostname"), "/etc/hostname", fixed}},
                  .annotations = annotations_of(spec)};
    if (fitted.init) {
        bundle.mounts.push_back({place.init_program, init_path, true});
        std::vector<std::string> arguments = init_arguments(std::move(bundle.arguments));
        arguments.insert(arguments.begin(), init_path);
        bundle.arguments = std::move(arguments);
    }
    std::string const& working_dir =
        spec.working_dir.empty() ? image.working_dir : spec.working_dir;
    if (!working_dir.empty()) {
        bundle.working_dir = working_dir;
    }
    return replace_file(file("config.json"), bundle_config(bundle));
}

base::Result<void> ContainerDir::destroy() const {
    if (umount2(root().c_str(), MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT) {
        return base::fail_errno(errno, base::concat("unmount ", root()));
    }
    return remove_tree(path_);
}

std::optional<base::Descriptor> ContainerDir::try_lock() const {
    // A removal that was cut short may have taken the file.
    auto lock = open_file(file("lock"), O_RDWR | O_CREAT, 0600);
    if (!lock || flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
        return std::nullopt;
    }
    return std::move(*lock);
}

base::Result<int> parse_signal(std::string_view text) {
    if (text.empty()) {
        return SIGTERM;
    }
    std::string_view const name = text.starts_with("SIG") ? text.substr(3) : text;
    auto const number = base::parse_integer<int>(name);
    for (int signal = 1; signal < NSIG; ++signal) {
        char const* const abbreviation = sigabbrev_np(signal);
        if (number == signal || (abbreviation != nullptr && name == abbreviation)) {
            return signal;
        }
    }
    return base::fail(base::concat("'", text, "' is no signal"));
}

}  // namespace runtime
