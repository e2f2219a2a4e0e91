#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/isolation.h"
#include "runtime/oci/host_abilities.h"

namespace runtime {

// What keeps the processes of a container from what is not theirs.
struct Confinement {
    CapabilitySet capabilities = default_capabilities();
    bool no_new_privileges = true;  // by set-user-id programs
    bool kernel_paths_hidden = true;
    bool kernel_writable = false;    // /sys and the control groups
    std::string apparmor_profile{};  // empty: none
};

// The confinement that `security` asks for, as far as the host has it; `notices` gets a line for
// what it has not. An error is an option or a capability that nobody knows.
[[nodiscard]] base::Result<Confinement> confine(Security const& security, HostAbilities const& host,
                                                std::vector<std::string>& notices);

}  // namespace runtime
