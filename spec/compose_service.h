#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "spec/compose_report.h"
#include "spec/spec.h"

namespace spec {

// A service as far as its own part of the file says; where its ports, dependencies and counts are
// written, for the checks that need more than one key.
struct Draft {
    ServiceSpec spec;
    Field field;
    std::vector<std::pair<Port, Field>> ports;
    std::vector<std::pair<Dependency, Field>> depends_on;
    std::optional<std::pair<std::uint32_t, Field>> scale;
    std::optional<std::pair<std::uint32_t, Field>> replicas;
};

// The service under services.NAME. What is wrong with it is in the report.
[[nodiscard]] Draft read_service(Report& report, Field const& field, std::string_view project);

// The keys with a grammar of their own, one file each.
void read_ports(Report& report, Field const& field, Draft& draft);
void read_expose(Report& report, Field const& field, Draft& draft);
void read_healthcheck(Report& report, Field const& field, Draft& draft);
void read_deploy(Report& report, Field const& field, Draft& draft);

}  // namespace spec
