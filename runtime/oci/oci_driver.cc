#include "runtime/oci/oci_driver.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "runtime/oci/log_ring.h"
#include "runtime/oci/records.h"
#include "runtime/oci/shim.h"
#include "runtime/probe/probe.h"
#include "runtime/system/file.h"
#include "runtime/system/process.h"

namespace runtime {
namespace {

constexpr std::size_t work_threads_max = 4;
// As many as a host can have containers: each has at most one check under way, so checks that hang
// delay those of no other container.
constexpr std::size_t probe_threads_max = 256;
constexpr std::size_t output_max = 4096;
// Of each post_start hook. Those before a stop have the grace between them.
constexpr base::Duration hook_timeout = base::seconds(60);
// How long a shim may take to notice that its container was killed.
constexpr int shim_end_timeout_ms = 20'000;
constexpr char const* started_file = "started";
constexpr base::Duration runtime_timeout = base::seconds(60);
// A shim answers at the latest when its own patience with the runtime is over, twice.
constexpr int shim_answer_timeout_ms = 150'000;
// How long adopt() waits for a shim that has just been started by the agent before.
constexpr auto shim_record_wait = std::chrono::seconds(10);
constexpr auto shim_record_poll = std::chrono::milliseconds(10);

// An id becomes a part of paths and arguments.
bool is_valid_id(std::string_view id) {
    auto const valid = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_';
    };
    return !id.empty() && id.size() <= id_size_max && id.front() != '.' && id.front() != '-' &&
           std::ranges::all_of(id, valid);
}

void warn(std::string_view what, base::Error const& error) {
    base::log(base::LogLevel::warning, "oci", base::concat(what, ": ", error.message));
}

base::Result<std::string> read_answer(base::Descriptor const& pipe) {
    std::string answer;
    for (;;) {
        pollfd polled{pipe.get(), POLLIN, 0};
        if (poll(&polled, 1, shim_answer_timeout_ms) == 0) {
            return base::fail("the shim does not answer");
        }
        char buffer[output_max];
        ssize_t const size = read(pipe.get(), buffer, sizeof(buffer));
        if (size <= 0 || answer.size() > output_max) {
            return answer;
        }
        answer.append(buffer, static_cast<std::size_t>(size));
    }
}

std::string joined(std::vector<std::string> const& notices) {
    std::string text;
    for (std::string const& notice : notices) {
        text += base::concat(text.empty() ? "" : "; ", notice);
    }
    return text;
}

ShimInput input_of(Process const& process) {
    if (process.tty) {
        return ShimInput::terminal;
    }
    return process.stdin_open ? ShimInput::pipe : ShimInput::none;
}

}  // namespace

base::Result<std::unique_ptr<OciDriver>> OciDriver::create(OciConfig config, ImageStore& images,
                                                           Network& network) {
    for (std::string const& path : {config.state_dir, config.run_dir}) {
        if (!path.starts_with('/') || path.find_first_of(":,\\") != std::string::npos) {
            return base::fail(base::concat("directory '", path,
                                           "' must be an absolute path without ':', ',' and '\\'"));
        }
    }
    TRY_VOID(make_directories(base::concat(config.state_dir, "/containers")));
    TRY_VOID(make_directories(base::concat(config.state_dir, "/logs")));
    TRY_VOID(make_directories(base::concat(config.run_dir, "/oci")));
    std::unique_ptr<OciDriver> driver(new OciDriver(std::move(config), images, network));
    driver->closing_ = base::Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!driver->closing_) {
        return base::fail_errno(errno, "make an eventfd");
    }
    driver->watcher_ =
        TRY(Watcher::create([raw = driver.get()](std::string const& id) { raw->on_shim_end(id); }));
    driver->choice_ = choose_runtime(driver->config_.runtimes, driver->config_.state_dir,
                                     driver->config_.cgroup_parent);
    driver->host_ = find_host_abilities({.cgroup_parent = driver->config_.cgroup_parent,
                                         .agent_path = driver->config_.agent_path,
                                         .runtime = driver->choice_.description});
    return driver;
}

OciDriver::OciDriver(OciConfig config, ImageStore& images, Network& network)
    : config_(std::move(config)),
      images_(images),
      network_(network),
      work_(work_threads_max),
      probes_(probe_threads_max) {}

OciDriver::~OciDriver() {
    close();
}

base::Result<std::vector<Adopted>> OciDriver::adopt(Sink sink) {
    sink_ = std::move(sink);
    std::string const this_boot = TRY(boot_id());
    std::vector<Adopted> adopted;
    std::set<std::string> known;
    for (std::string const& id : list_directory(config_.state_dir + "/containers")) {
        std::optional<base::Descriptor> lock;  // until all is freed
        std::optional<Adopted> one =
            is_valid_id(id) ? adopt_one(id, this_boot, lock) : std::nullopt;
        if (one) {
            known.insert(id);
            adopted.push_back(std::move(*one));
        } else if (auto const freed = free_all(id); !freed) {
            warn(base::concat("clean up ", id), freed.error());
        }
    }
    detach_strays(known);
    for (Adopted const& one : adopted) {
        watcher_->arm(one.id);
    }
    return adopted;
}

void OciDriver::close() {
    // Waiting for checks that hang would make the others take this host for dead.
    std::uint64_t const one = 1;
    static_cast<void>(write(closing_.get(), &one, sizeof(one)));
    // The watcher is gone only with the driver: what the queues end with uses it.
    probes_.close();
    work_.close();
    if (watcher_) {
        watcher_->close();
    }
    sink_ = nullptr;
}

void OciDriver::perform(Action action) {
    if (!sink_) {
        return;
    }
    if (auto* const start_action = std::get_if<Start>(&action)) {
        work_.add([this, todo = std::move(*start_action)] { start(todo); });
    } else if (auto const* const stop_action = std::get_if<Stop>(&action)) {
        probes_.add([this, todo = *stop_action] { stop(todo); });
    } else if (auto* const remove_action = std::get_if<Remove>(&action)) {
        work_.add([this, todo = std::move(*remove_action)] { remove(todo); });
    } else if (auto* const probe_action = std::get_if<Probe>(&action)) {
        probes_.add([this, todo = std::move(*probe_action)] { probe(todo); });
    }
}

base::Result<LogPart> OciDriver::read_log(std::string const& id, std::uint64_t from, bool from_end,
                                          std::size_t size_max) {
    if (!is_valid_id(id) || !file_exists(log_dir_of(id))) {
        return base::fail(base::concat("there is no log of container ", id, " on this host"));
    }
    return read_log_ring(log_dir_of(id), from, from_end, size_max);
}

std::string OciDriver::description() const {
    return base::concat("oci (", choice_.path.empty() ? "no runtime works" : choice_.description,
                        ")");
}

void OciDriver::start(Start const& action) {
    if (!is_valid_id(action.id) || file_exists(dir_of(action.id).path())) {
        sink_(StartFailed{action.id,
                          base::concat("container id '", action.id, "' is invalid or in use")});
        return;
    }
    base::Result<base::IpAddress> const address = prepare(action);
    if (!address) {
        fail_start(action.id, address.error().message);
    } else if (auto const started = run_shim(action.id, action.spec.process); !started) {
        fail_start(action.id, started.error().message);
    } else if (action.spec.process.post_start.empty()) {
        finish_start(action, *address);
    } else {
        probes_.add([this, action, at = *address] {
            if (auto const done = run_post_start(action); done) {
                finish_start(action, at);
            } else if (!closing()) {
                end_container(action.id);
                fail_start(action.id, done.error().message);
            }
        });
    }
}

void OciDriver::finish_start(Start const& action, base::IpAddress address) {
    auto const meta = read_meta(dir_of(action.id).file("meta.json"));
    auto const record = read_shim(dir_of(action.id).file("shim.json"));
    auto shim = record ? open_process(record->shim) : base::fail("no record");
    auto container = record ? open_process(record->container) : base::fail("no record");
    bool const lives = shim.has_value();
    if (lives) {
        watcher_->add({.id = action.id,
                       .shim = std::move(*shim),
                       .container = container ? std::move(*container) : base::Descriptor(),
                       .stop_signal = meta ? meta->stop_signal : SIGTERM});
    }
    sink_(Started{action.id, address, meta ? meta->notice : std::string()});
    if (lives) {
        watcher_->arm(action.id);
    } else {
        on_shim_end(action.id);
    }
}

void OciDriver::fail_start(std::string const& id, std::string reason) {
    if (auto const freed = free_all(id); !freed) {
        warn(base::concat("clean up ", id), freed.error());
    }
    static_cast<void>(remove_tree(log_dir_of(id)));
    sink_(StartFailed{id, std::move(reason)});
}

base::Result<base::IpAddress> OciDriver::prepare(Start const& action) {
    if (choice_.path.empty()) {
        return base::fail("no OCI runtime works on this host: see `agent doctor`");
    }
    Process const& process = action.spec.process;
    Image const image = TRY(images_.find(action.spec.image));
    Fitted const fitted = TRY(fit(action.spec, host_));
    ContainerDir const dir = dir_of(action.id);
    MetaRecord meta{
        .assignment = action.assignment,
        .address = {},
        .boot_id = TRY(boot_id()),
        .stop_signal = TRY(parse_signal(process.stop_signal.empty() ? image.config.stop_signal
                                                                    : process.stop_signal)),
        .runtime = choice_.path,
        .notice = joined(fitted.notices),
        .awaits_hooks = !process.post_start.empty(),
        .pre_stop = process.pre_stop};
    TRY_VOID(dir.create());
    TRY_VOID(make_directories(log_dir_of(action.id)));
    TRY_VOID(dir.mount_root(images_.layers_dir(), image.layers));
    Attachment const attachment = TRY(attach(action));
    meta.address = attachment.address;
    TRY_VOID(write_record(dir.file("meta.json"), meta));
    TRY_VOID(dir.write_bundle(action.spec, image.config, fitted,
                              {.attachment = attachment,
                               .cgroup_path = cgroup_of(action.id),
                               .init_program = host_.init_program}));
    return attachment.address;
}

base::Result<Attachment> OciDriver::attach(Start const& action) {
    Networking const& networking = action.spec.networking;
    switch (networking.mode) {
        case NetworkMode::host:
            return Attachment{.id = action.id,
                              .netns_path = {},
                              .address = host_network_address(),
                              .gateway = network_.gateway()};
        case NetworkMode::none:
            return Attachment{.id = action.id, .netns_path = {}, .address = {}, .gateway = {}};
        case NetworkMode::bridge:
            break;
    }
    return network_.attach(action.id, networking.mac_address);
}

base::Result<void> OciDriver::run_shim(std::string const& id, Process const& process) {
    Pipe answer = TRY(make_pipe());
    std::vector<std::string> arguments = shim_arguments({.directory = dir_of(id).path(),
                                                         .log_directory = log_dir_of(id),
                                                         .runtime = choice_.path,
                                                         .runtime_root = config_.run_dir + "/oci",
                                                         .id = id,
                                                         .input = input_of(process)});
    arguments.insert(arguments.begin(), config_.agent_path);
    pid_t const child =
        TRY(spawn({.arguments = std::move(arguments), .inherited = answer.write.get()}));
    answer.write = {};
    TRY_VOID(wait_for(child));  // it leaves the shim behind
    std::string const text = TRY(read_answer(answer.read));
    if (text == "ok\n") {
        return {};
    }
    return base::fail(text.empty() ? "the shim ended before it answered" : text);
}

base::Result<void> OciDriver::run_post_start(Start const& action) {
    ExecPlace const place = exec_place(action.id, "hook.pid");
    for (Hook const& hook : action.spec.process.post_start) {
        auto const run = run_hook(place, hook, host_.capabilities, hook_timeout, closing_.get());
        if (!run) {
            return base::fail(
                base::concat("post_start hook ", hook.command.front(), ": ", run.error().message));
        }
    }
    return replace_file(dir_of(action.id).file(started_file), "");
}

// Its pre_stop hooks, then the stop signal: all within the grace, and one that fails is no reason
// to run on.
void OciDriver::stop(Stop const& action) {
    auto const begin = std::chrono::steady_clock::now();
    auto const left = [&] {
        auto const passed = std::chrono::steady_clock::now() - begin;
        return std::max(action.grace - passed, base::Duration::zero());
    };
    auto const meta = is_valid_id(action.id) ? read_meta(dir_of(action.id).file("meta.json"))
                                             : base::fail("no record");
    for (Hook const& hook : meta ? meta->pre_stop : std::vector<Hook>()) {
        auto const run = run_hook(exec_place(action.id, "hook.pid"), hook, host_.capabilities,
                                  left(), closing_.get());
        if (!run) {
            warn(base::concat("pre_stop hook of ", action.id), run.error());
        }
    }
    if (!closing()) {
        watcher_->stop(action.id, left());
    }
}

// Of a container that is not watched; its shim has written all it will.
void OciDriver::end_container(std::string const& id) const {
    auto const record = read_shim(dir_of(id).file("shim.json"));
    auto const shim = record ? open_process(record->shim) : base::fail("no record");
    auto const container = record ? open_process(record->container) : base::fail("no record");
    if (container) {
        send_signal(*container, SIGKILL);
    }
    if (shim) {
        pollfd polled{shim->get(), POLLIN, 0};
        poll(&polled, 1, shim_end_timeout_ms);
    }
}

// On the watcher's thread, which others' ends wait for.
void OciDriver::on_shim_end(std::string const& id) {
    if (auto const status = read_exit(dir_of(id).file("exit.json"))) {
        sink_(Exited{id, *status});
    } else {
        work_.add([this, id] { sink_(Exited{id, exit_status(id)}); });
    }
}

// Of a container whose shim has ended.
ExitStatus OciDriver::exit_status(std::string const& id) {
    if (auto const status = read_exit(dir_of(id).file("exit.json"))) {
        return *status;
    }
    delete_in_runtime(id);  // it may still run
    return lost_status;
}

void OciDriver::remove(Remove const& action) {
    if (is_valid_id(action.id)) {
        // What cannot be freed now is found by the next adopt() and tried again.
        if (auto const freed = free_all(action.id); !freed) {
            warn(base::concat("remove ", action.id), freed.error());
        }
        keep_log_as_last(action.id);
    }
    sink_(Removed{action.id});
}

void OciDriver::probe(Probe const& action) {
    if (action.check.kind == CheckKind::exec) {
        sink_(probe_by_exec(action));
        return;
    }
    if (action.address.is_unspecified()) {
        sink_(Probed{action.id, false, "a container without network answers no check but exec"});
        return;
    }
    ProbeResult const result = runtime::probe(action.address, action.check, closing_.get());
    sink_(Probed{action.id, result.healthy, result.output.substr(0, output_max)});
}

Probed OciDriver::probe_by_exec(Probe const& action) const {
    if (!is_valid_id(action.id)) {
        return {action.id, false, "invalid container id"};
    }
    auto const outcome = execute(exec_place(action.id, "probe.pid"), {}, action.check.command,
                                 action.check.timeout, closing_.get());
    if (!outcome) {
        return {action.id, false, outcome.error().message};
    }
    if (outcome->timed_out) {
        return {action.id, false, "the check did not end in time"};
    }
    bool const healthy = WIFEXITED(outcome->wait_status) && WEXITSTATUS(outcome->wait_status) == 0;
    return {action.id, healthy, outcome->output};
}

ExecPlace OciDriver::exec_place(std::string const& id, char const* pid_file) const {
    return {.runtime = command(id, {}),
            .id = id,
            .bundle = dir_of(id).path(),
            .pid_file = dir_of(id).file(pid_file),
            .cgroup = cgroup_of(id)};
}

bool OciDriver::closing() const {
    pollfd polled{closing_.get(), POLLIN, 0};
    return poll(&polled, 1, 0) > 0;
}

// Nothing if it is half made or of another boot. What is half made comes with its `lock`, so that
// a shim that was started but is late does not make a container of it.
std::optional<Adopted> OciDriver::adopt_one(std::string const& id, std::string const& this_boot,
                                            std::optional<base::Descriptor>& lock) {
    ContainerDir const dir = dir_of(id);
    auto const meta = read_meta(dir.file("meta.json"));
    if (!meta || meta->boot_id != this_boot) {
        return std::nullopt;
    }
    // The agent before may have ended between starting a shim and the shim's first record.
    auto const patience = std::chrono::steady_clock::now() + shim_record_wait;
    while (!file_exists(dir.file("shim.json")) && !(lock = dir.try_lock()) &&
           std::chrono::steady_clock::now() < patience) {
        std::this_thread::sleep_for(shim_record_poll);
    }
    auto const record = read_shim(dir.file("shim.json"));
    if (!record) {
        return std::nullopt;
    }
    if (meta->awaits_hooks && !file_exists(dir.file(started_file))) {
        end_container(id);
        return std::nullopt;
    }
    Adopted adopted{id, meta->assignment, meta->address, std::nullopt, meta->notice};
    auto shim = open_process(record->shim);
    if (!shim || file_exists(dir.file("exit.json"))) {
        adopted.exited = exit_status(id);
        return adopted;
    }
    auto container = open_process(record->container);
    watcher_->add({.id = id,
                   .shim = std::move(*shim),
                   .container = container ? std::move(*container) : base::Descriptor(),
                   .stop_signal = meta->stop_signal});
    return adopted;
}

base::Result<void> OciDriver::free_all(std::string const& id) {
    delete_in_runtime(id);
    TRY_VOID(network_.detach(id));
    return dir_of(id).destroy();
}

void OciDriver::delete_in_runtime(std::string const& id) const {
    std::vector<std::string> line = command(id, {"delete", "-f", id});
    if (line.front().empty()) {
        return;
    }
    auto const outcome = run_program(std::move(line), runtime_timeout, output_max);
    if (!outcome) {
        warn(base::concat("delete ", id), outcome.error());
    }
}

void OciDriver::detach_strays(std::set<std::string> const& known) {
    auto const attachments = network_.attachments();
    if (!attachments) {
        warn("list network attachments", attachments.error());
        return;
    }
    for (Attachment const& attachment : *attachments) {
        if (known.contains(attachment.id)) {
            continue;
        }
        if (auto const detached = network_.detach(attachment.id); !detached) {
            warn(base::concat("detach ", attachment.id), detached.error());
        }
    }
}

// Drops the oldest logs of ended containers beyond those that are kept.
void OciDriver::keep_log_as_last(std::string const& id) const {
    utimensat(AT_FDCWD, log_dir_of(id).c_str(), nullptr, 0);
    std::vector<std::pair<std::int64_t, std::string>> ended;
    for (std::string const& name : list_directory(config_.state_dir + "/logs")) {
        std::string path = log_dir_of(name);
        struct stat status{};
        if (!file_exists(dir_of(name).path()) && stat(path.c_str(), &status) == 0) {
            ended.emplace_back(status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec,
                               std::move(path));
        }
    }
    std::ranges::sort(ended);
    for (std::size_t index = 0; index + ended_logs_max < ended.size(); ++index) {
        if (auto const removed = remove_tree(ended[index].second); !removed) {
            warn("drop an old log", removed.error());
        }
    }
}

ContainerDir OciDriver::dir_of(std::string const& id) const {
    return ContainerDir(base::concat(config_.state_dir, "/containers/", id));
}

std::string OciDriver::log_dir_of(std::string const& id) const {
    return base::concat(config_.state_dir, "/logs/", id);
}

std::string OciDriver::cgroup_of(std::string const& id) const {
    return base::concat("/", config_.cgroup_parent, "/", id);
}

std::vector<std::string> OciDriver::command(std::string const& id,
                                            std::vector<std::string> arguments) const {
    // Another one may have been chosen since the container was made.
    auto const meta = read_meta(dir_of(id).file("meta.json"));
    std::vector<std::string> line{meta ? meta->runtime : choice_.path, "--root",
                                  config_.run_dir + "/oci"};
    line.insert(line.end(), std::make_move_iterator(arguments.begin()),
                std::make_move_iterator(arguments.end()));
    return line;
}

}  // namespace runtime
