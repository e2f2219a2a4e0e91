#include <algorithm>
#include <map>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/compose_files.h"
#include "cmd/line_diff.h"
#include "cmd/output.h"
#include "cmd/render.h"
#include "net/admin/admin_client.h"

namespace cmd {
namespace {

// The exit code of `diff` when it cannot tell, as diff(1) has it.
constexpr ExitCode cannot_tell = ExitCode::usage;

std::string text_of(spec::ServiceSpec const& spec) {
    return spec::to_compose({&spec, 1}, spec::TextForm::yaml);
}

// `wanted` and the services that it waits for, without which no file may name it.
std::vector<spec::ServiceSpec> with_dependencies(std::vector<spec::ServiceSpec> const& all,
                                                 spec::ServiceSpec const& wanted) {
    std::vector<spec::ServiceSpec> found{wanted};
    for (std::size_t at = 0; at < found.size(); ++at) {
        std::vector<spec::Dependency> const dependencies = found[at].depends_on;
        for (spec::ServiceSpec const& spec : all) {
            bool const needed = spec.project == wanted.project &&
                                std::ranges::find(dependencies, spec.name,
                                                  &spec::Dependency::service) != dependencies.end();
            bool const new_one =
                std::ranges::find(found, spec.name, &spec::ServiceSpec::name) == found.end();
            if (needed && new_one) {
                found.push_back(spec);
            }
        }
    }
    return found;
}

}  // namespace

ExitCode execute(DaemonOptions const& options, GetCommand const& command) {
    auto const specs = net::AdminClient(socket_path(options)).specs();
    if (!specs) {
        return complain(specs.error());
    }
    std::vector<spec::ServiceSpec const*> found;
    for (spec::ServiceSpec const& spec : *specs) {
        if (service_key(spec) == command.service || spec.name == command.service) {
            found.push_back(&spec);
        }
    }
    if (found.empty()) {
        return complain(base::concat("there is no service ", command.service,
                                     ": `agent services` lists those there are"));
    }
    if (found.size() > 1) {
        return complain(base::concat("several services are called ", command.service, ": say ",
                                     service_key(*found[0]), " or ", service_key(*found[1])));
    }
    print(spec::to_compose(with_dependencies(*specs, *found.front()), command.form));
    return ExitCode::done;
}

ExitCode execute(DaemonOptions const&, ConvertCommand const& command) {
    auto const services = read_services(command.files);
    if (!services) {
        return complain(services.error().message);
    }
    print(spec::to_compose(*services, command.form));
    return ExitCode::done;
}

ExitCode execute(DaemonOptions const&, ValidateCommand const& command) {
    ExitCode code = ExitCode::done;
    for (std::string const& name : command.files.files) {
        spec::ComposeFile const file =
            read_compose_files({{name}, command.files.env_files, command.files.profiles});
        print_diagnostics(file);
        auto const warnings = file.diagnostics.size();
        if (file.usable()) {
            print(base::concat(name, ": usable, ", file.services.size(), " services, ", warnings,
                               " warnings\n"));
        } else {
            print(base::concat(name, ": not usable\n"));
            code = ExitCode::failed;
        }
    }
    return code;
}

ExitCode execute(DaemonOptions const& options, DiffCommand const& command) {
    auto const services = read_services(command.files);
    if (!services) {
        complain(services.error().message);
        return cannot_tell;
    }
    auto const specs = net::AdminClient(socket_path(options)).specs();
    if (!specs) {
        complain(specs.error());
        return cannot_tell;
    }
    std::map<std::string, spec::ServiceSpec const*> known;
    for (spec::ServiceSpec const& spec : *specs) {
        known[service_key(spec)] = &spec;
    }
    bool differs = false;
    for (spec::ServiceSpec const& spec : *services) {
        std::string const key = service_key(spec);
        auto const before = known.find(key);
        if (before != known.end() && *before->second == spec) {
            continue;
        }
        differs = true;
        print(base::concat("--- ", key, before != known.end() ? "" : " (not there)", "\n+++ ", key,
                           "\n"));
        print(line_diff(before != known.end() ? text_of(*before->second) : "", text_of(spec)));
    }
    return differs ? ExitCode::failed : ExitCode::done;
}

ExitCode execute(DaemonOptions const& options, PlanCommand const& command) {
    auto const services = read_services(command.files);
    if (!services) {
        return complain(services.error().message);
    }
    auto const changes = net::AdminClient(socket_path(options)).preview(*services);
    if (!changes) {
        return complain(changes.error());
    }
    print(render(*changes, command.listing));
    return ExitCode::done;
}

}  // namespace cmd
