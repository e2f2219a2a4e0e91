#pragma once

#include <string>
#include <vector>

#include "agent/report.h"
#include "cmd/commands.h"
#include "net/admin/admin_port.h"

// Reports as text for people: tables, or the JSON of the admin protocol.
namespace cmd {

[[nodiscard]] std::string render(agent::StatusReport const& status, Listing listing);
[[nodiscard]] std::string render(std::vector<agent::NodeReport> const& nodes, Listing listing);
// By rising round trip as network coordinates have it: this host first, those of which it is not
// known last, equal ones by name.
void sort_nearest(std::vector<agent::NodeReport>& nodes);
[[nodiscard]] std::string render(std::vector<agent::ServiceReport> const& services,
                                 Listing listing);
[[nodiscard]] std::string render(std::vector<agent::InstanceReport> const& instances,
                                 Listing listing);
[[nodiscard]] std::string render(std::vector<agent::ConflictReport> const& conflicts,
                                 Listing listing);
[[nodiscard]] std::string render(std::vector<agent::ChangeReport> const& changes, Listing listing);
[[nodiscard]] std::string render(std::vector<net::ImageReport> const& images, Listing listing);

}  // namespace cmd
