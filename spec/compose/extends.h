#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "spec/compose/application.h"

namespace spec {

// Puts the services of one file over those that they extend (Compose Specification, 05-services,
// extends), in the same file or in others.
class Extends {
public:
    // A file whose services may be extended.
    struct Origin {
        std::string path;
        std::string folder;  // where its paths start, as seen from the folder of the first file
        Variables const* variables;
    };

    Extends(Application& application, Origin origin)
        : application_(application), origin_(std::move(origin)) {}

    // The tree with every service resolved.
    [[nodiscard]] Node const* apply(Node const* root);

private:
    // A service on its way: null until it is resolved.
    using Known = std::map<std::string_view, Node const*>;

    struct View {
        Origin origin;
        Node const* services{};
        EntryIndex index{};
        Known known{};
    };

    // What a service extends.
    struct Target {
        std::string service;
        std::string file;  // empty: the same
        Node const* at{};
        std::string key;
    };

    [[nodiscard]] Node const* service_of(View& view, Node::Entry const& entry, std::size_t depth);
    [[nodiscard]] std::optional<Target> target_of(Node const& value, std::string key);
    [[nodiscard]] Node const* base_of(View& view, Target const& target, std::size_t depth);
    // Null: reported.
    [[nodiscard]] View* view_of(View const& from, Target const& target);
    void refuse(Target const& target, std::string message);

    Application& application_;
    Origin origin_;
    std::map<std::string, View> others_;
};

}  // namespace spec
