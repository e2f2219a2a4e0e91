#pragma once

#include "spec/compose_service.h"

namespace spec {

// The keys of `deploy` that say how containers are replaced and started again.
void read_update_config(Report& report, Field const& field, Draft& draft);
void read_rollback_config(Report& report, Field const& field, Draft& draft);
void read_restart_policy(Report& report, Field const& field, Draft& draft);

}  // namespace spec
