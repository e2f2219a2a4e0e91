#pragma once

#include <string>

#include "spec/compose/inputs.h"
#include "spec/compose_report.h"

namespace spec {

// From files to one tree: each parsed, its variables substituted, its includes and extends
// resolved; the files merged; services of inactive profiles left out; env and label files read. No
// `include`, `extends`, `profiles`, `env_file`, `label_file`, tag or reference to a variable is
// left in it, it is within yaml_nodes_max, and its relative paths start in the folder of the first
// file.
//
// `project` is that of a file without a name, for ${COMPOSE_PROJECT_NAME}. What is wrong is in the
// report. Null: there is nothing to read.
[[nodiscard]] Node const* resolve(ComposeRequest const& request, std::string_view project,
                                  Inputs& inputs, Arena& arena, Report& report);

}  // namespace spec
