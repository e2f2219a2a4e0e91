#include "cmd/version.h"

namespace cmd {

std::string_view version() {
    return COVEY_VERSION;
}

}  // namespace cmd
