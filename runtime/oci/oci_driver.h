#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/driver.h"
#include "runtime/image/image_store.h"
#include "runtime/network/network.h"
#include "runtime/oci/container_dir.h"
#include "runtime/oci/exec.h"
#include "runtime/oci/host_abilities.h"
#include "runtime/oci/runtime_choice.h"
#include "runtime/oci/watcher.h"
#include "runtime/oci/work_queue.h"

namespace runtime {

struct OciConfig {
    std::string state_dir;  // absolute: containers/ and logs/ are below it
    std::string run_dir;    // absolute: what the OCI runtime remembers until the next boot
    std::string cgroup_parent = "covey";
    std::string agent_path = "/proc/self/exe";  // a program that runs shim_main() for "shim"
    std::vector<std::string> runtimes = {"crun", "runc"};  // the first that works is used
};

// Containers by an OCI runtime's command line, one shim process each (runtime/oci/shim.h).
//
// On disk a container is STATE/containers/ID, made in this order: the directory, the mounted root,
// the network namespace, meta.json, the shim, shim.json (by the shim), exit.json (by the shim).
// A directory without meta.json, or with meta.json but neither a living shim nor a later record,
// is half made: adopt() removes all of it. So is one whose post_start hooks have not all ended
// well: the file `started` comes after them. Removing goes the other way, the directory last.
//
// Logs are STATE/logs/ID; those of the last 20 ended containers are kept.
class OciDriver final : public Driver {
public:
    static constexpr std::size_t ended_logs_max = 20;

    // Makes a trial run with each candidate, so it takes a moment. Without a runtime that works the
    // driver exists, tells so in diagnose(), and answers each Start by StartFailed. `images` and
    // `network` must outlive it.
    [[nodiscard]] static base::Result<std::unique_ptr<OciDriver>> create(OciConfig config,
                                                                         ImageStore& images,
                                                                         Network& network);
    // Closes; containers and shims go on running.
    ~OciDriver() override;

    [[nodiscard]] base::Result<std::vector<Adopted>> adopt(Sink sink) override;
    void perform(Action action) override;
    void close() override;
    [[nodiscard]] base::Result<LogPart> read_log(std::string const& id, std::uint64_t from,
                                                 bool from_end, std::size_t size_max) override;
    [[nodiscard]] std::string description() const override;

    // One line per OCI runtime that was looked for.
    [[nodiscard]] std::vector<std::string> diagnose() const { return choice_.findings; }

private:
    OciDriver(OciConfig config, ImageStore& images, Network& network);

    void start(Start const& action);
    void finish_start(Start const& action, base::IpAddress address);
    void fail_start(std::string const& id, std::string reason);
    void stop(Stop const& action);
    void remove(Remove const& action);
    void probe(Probe const& action);

    [[nodiscard]] base::Result<base::IpAddress> prepare(Start const& action);
    [[nodiscard]] base::Result<Attachment> attach(Start const& action);
    [[nodiscard]] base::Result<void> run_shim(std::string const& id, Process const& process);
    [[nodiscard]] base::Result<void> run_post_start(Start const& action);
    void end_container(std::string const& id) const;
    void on_shim_end(std::string const& id);
    [[nodiscard]] ExitStatus exit_status(std::string const& id);
    [[nodiscard]] std::optional<Adopted> adopt_one(std::string const& id,
                                                   std::string const& this_boot,
                                                   std::optional<base::Descriptor>& lock);
    [[nodiscard]] base::Result<void> free_all(std::string const& id);
    void delete_in_runtime(std::string const& id) const;
    void detach_strays(std::set<std::string> const& known);
    void keep_log_as_last(std::string const& id) const;
    [[nodiscard]] Probed probe_by_exec(Probe const& action) const;
    [[nodiscard]] ExecPlace exec_place(std::string const& id, char const* pid_file) const;
    [[nodiscard]] bool closing() const;

    [[nodiscard]] ContainerDir dir_of(std::string const& id) const;
    [[nodiscard]] std::string log_dir_of(std::string const& id) const;
    [[nodiscard]] std::string cgroup_of(std::string const& id) const;
    // The command line of the runtime that made container `id`; its path is empty if none works.
    [[nodiscard]] std::vector<std::string> command(std::string const& id,
                                                   std::vector<std::string> arguments) const;

    OciConfig config_;
    ImageStore& images_;
    Network& network_;
    RuntimeChoice choice_;
    HostAbilities host_;
    Sink sink_;
    std::unique_ptr<Watcher> watcher_;
    base::Descriptor closing_;  // readable when the driver closes
    WorkQueue work_;
    WorkQueue probes_;  // of its own, so that hanging checks and hooks delay no other container
};

}  // namespace runtime
