#pragma once

#include <set>
#include <string>
#include <string_view>

#include "spec/compose/inputs.h"
#include "spec/compose/merge.h"

namespace spec {

// Names of profiles; "*" stands for all.
using Profiles = std::set<std::string, std::less<>>;

// What is settled service by service once all files are one tree.
class Services {
public:
    Services(Arena& arena, Report& report, Merger& merger, EnvFiles& env_files)
        : arena_(arena), report_(report), merger_(merger), env_files_(env_files) {}

    // The tree without the services whose profiles are all inactive (15-profiles). A service that
    // needs one of them is an error, unless it says `required: false`.
    [[nodiscard]] Node const* active(Node const* root, Profiles const& profiles);
    // The tree with `env_file` and `label_file` read into `environment` and `labels`, and with the
    // values that `variables` has for names without one.
    [[nodiscard]] Node const* with_files(Node const* root, Variables const& variables);

private:
    // What a service has in the end: its entries, in a copy that may be changed.
    [[nodiscard]] Node const* without_inactive(Node const* service, std::string_view name,
                                               Profiles const& inactive);
    void read_environment(Node& service, std::string_view name, Variables const& variables);
    void read_labels(Node& service, std::string_view name);
    [[nodiscard]] std::vector<EnvFile> files_of(Node const& list, std::string const& key);
    [[nodiscard]] std::optional<EnvFile> file_of(Node const& item, std::string const& key);
    void put_under(Node& service, std::string_view key, Variables const& values, Node const& like);

    Arena& arena_;
    Report& report_;
    Merger& merger_;
    EnvFiles& env_files_;
};

}  // namespace spec
