#pragma once

#include <map>
#include <string>
#include <string_view>

#include "spec/compose_out.h"
#include "spec/spec.h"

// The parts of compose_write.cc. Those that return an empty map or list have nothing to say.
namespace spec {

// Sets the key unless the text is empty.
void set_text(Out& out, std::string_view key, std::string const& text);

[[nodiscard]] Out write_restart(RestartPolicy const& policy);
[[nodiscard]] Out write_update(UpdateConfig const& config);
[[nodiscard]] Out write_extension(Extension const& extension);
[[nodiscard]] Out write_device_requests(Storage const& storage);
void write_process(Out& service, Process const& process);
void write_security(Out& service, ServiceSpec const& spec);
void write_networking(Out& service, ServiceSpec const& spec);
void write_cgroup(Out& service, Cgroup const& cgroup);
void write_storage(Out& service, Storage const& storage);

// What services name, for the top level. Everything is under the name that it has in the fleet.
class Named {
public:
    void add(ServiceSpec const& spec);
    void write(Out& root) const;

private:
    std::map<std::string, bool> networks_;  // internal
    std::map<std::string, Volume> volumes_;
    std::map<std::string, FileMount> secrets_;
    std::map<std::string, FileMount> configs_;
};

}  // namespace spec
