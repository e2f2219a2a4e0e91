#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/container.h"
#include "runtime/oci/confinement.h"
#include "runtime/oci/host_abilities.h"

namespace runtime {

// What of a specification this host does.
struct Fitted {
    Limits limits{};  // each value is one that the host takes
    Confinement confinement{};
    bool init = false;
    // For a person: where the host does not do what was asked for, and what it does instead.
    std::vector<std::string> notices{};
};

// The nearest to `spec` that the host can do. An error is what makes no sense on any host, what
// would reach out of the container (a sysctl of a shared namespace), or another platform: a
// container that started nevertheless would not be what was asked for.
[[nodiscard]] base::Result<Fitted> fit(ContainerSpec const& spec, HostAbilities const& host);

// Limits alone.
[[nodiscard]] base::Result<Limits> fit_limits(Limits limits, HostAbilities const& host,
                                              std::vector<std::string>& notices);

}  // namespace runtime
