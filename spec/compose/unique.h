#pragma once

#include <string>

#include "spec/compose_tree.h"

namespace spec {

// What the items of a list are unique by (Compose Specification, 13-merge).
enum class Unique {
    text,    // the item itself; of NAME=VALUE the name
    whole,   // the item itself
    path,    // env_file: the path
    port,    // address, published, target and protocol
    target,  // volumes, devices: the place in the container
    secret,  // the file in the container
    config,
};

// Equal for items of which the later one replaces the earlier one. Empty: the item is like no
// other, or not of a form that this list has.
[[nodiscard]] std::string unique_key(Node const& item, Unique by);

}  // namespace spec
