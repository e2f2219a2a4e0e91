#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "spec/compose/inputs.h"
#include "spec/compose/merge.h"
#include "spec/compose/variables.h"

namespace spec {

inline constexpr std::size_t inclusions_max = 100;    // applications included, however deep
inline constexpr std::size_t extends_depth_max = 64;  // services that extend each other in a row

// Makes one tree of an application: its files, those that they include, and the services that they
// extend. Everything that is wrong is reported; what can be read is still in the tree.
class Application {
public:
    // Where relative paths start, as seen from the folder of the first file, and what `$A` means.
    struct Scope {
        std::string folder;
        Variables const& variables;
    };

    Application(Inputs& inputs, Arena& arena, Report& report)
        : inputs_(inputs),
          arena_(arena),
          report_(report),
          merger_(arena, report),
          reader_(arena, report),
          env_files_(inputs, report) {}

    // The files as they are, parsed; null for those that are not readable. Given paths.
    [[nodiscard]] std::vector<Node const*> parse(std::vector<std::string> const& paths);
    // The application of these files, the later over the earlier; null: there is nothing.
    [[nodiscard]] Node const* resolve(std::vector<std::string> const& paths,
                                      std::vector<Node const*> const& roots, Scope const& scope);

    [[nodiscard]] EnvFiles& env_files() { return env_files_; }

    [[nodiscard]] Merger& merger() { return merger_; }

private:
    friend class Extends;

    // An entry of `include`.
    struct Inclusion {
        Node const* at{};
        std::vector<std::string> paths;  // from here on as seen from the folder of the first file
        std::optional<std::string> folder;
        std::vector<std::string> env_files;
    };

    // Null: reported.
    [[nodiscard]] Node const* parse_input(std::string const& path, Node const& named,
                                          std::string_view key);
    [[nodiscard]] Node const* parse_text(std::string const& path, Inputs::Read const& read,
                                         Node const* named, std::string_view key);
    [[nodiscard]] Node const* include_all(Node const* root, Scope const& scope);
    [[nodiscard]] std::vector<Inclusion> inclusions(Node const& list, Scope const& scope);
    [[nodiscard]] std::optional<Inclusion> inclusion(Node const& item, Scope const& scope,
                                                     std::string_view key);
    [[nodiscard]] bool texts_of(Node const& node, Scope const& scope, std::string_view key,
                                std::vector<std::string>& out);
    [[nodiscard]] Node const* include_one(Inclusion const& inclusion, Scope const& scope,
                                          std::string_view key);
    void import(Node const& from, Node*& into, std::set<std::string>& included);
    void import_section(Node const& from, std::string_view section, Node*& into,
                        std::set<std::string>& included);

    Inputs& inputs_;
    Arena& arena_;
    Report& report_;
    Merger merger_;
    VariableReader reader_;
    EnvFiles env_files_;
    std::vector<std::string> including_;         // files that are being read, from the first one
    std::map<std::string, Node const*> parsed_;  // null: it was not readable
    std::deque<Variables> variables_;            // of included applications
    std::size_t inclusions_ = 0;
};

}  // namespace spec
