#include "spec/compose.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "spec/compose/paths.h"
#include "spec/compose/resolve.h"
#include "spec/compose_service.h"
#include "spec/compose_text.h"
#include "spec/compose_tree.h"

namespace spec {

namespace {

constexpr std::size_t services_max = 1000;

// The project of a file without a name, as Compose makes it: "/etc/covey/services/My.Shop.yaml" is
// "myshop".
std::string project_of(std::string_view file) {
    std::string_view stem = file.substr(file.find_last_of('/') + 1);
    stem = stem.substr(0, stem.rfind('.'));
    std::string project = base::lower(stem);
    std::erase_if(project, [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-');
    });
    return project.substr(std::min(project.find_first_not_of("_-"), project.size()));
}

// What the file says at its top level.
struct Top {
    std::optional<std::string> name;
    std::optional<Field> services;
    std::optional<Field> networks;
    std::optional<Field> volumes;
    std::optional<Field> secrets;
    std::optional<Field> configs;
};

void read_name(Report& report, Field const& field, Top& top) {
    top.name = read_text(report, field);
    if (top.name && !valid_name(*top.name)) {
        report.expected(field,
                        "a project name of a-z, 0-9, _ and -, at most 63, not beginning "
                        "with _ or -");
    }
}

// Read when the name of the project is known.
template <std::optional<Field> Top::* member>
void keep(Report&, Field const& field, Top& top) {
    top.*member = field;
}

constexpr std::array<Key<Top>, 6> top_keys{{
    {"configs", keep<&Top::configs>},
    {"name", read_name},
    {"networks", keep<&Top::networks>},
    {"secrets", keep<&Top::secrets>},
    {"services", keep<&Top::services>},
    {"volumes", keep<&Top::volumes>},
}};

Definitions read_definitions(Report& report, Top const& top, std::string_view project,
                             std::string_view file) {
    Definitions definitions;
    definitions.project = project;
    definitions.folder = file.substr(0, std::min(file.rfind('/'), file.size()));
    if (!file.contains('/')) {
        definitions.folder.clear();
    }
    definitions.networks["default"].name = base::concat(project, "_default");
    auto const read = [&](std::optional<Field> const& field, auto reader) {
        if (field) {
            reader(report, *field, definitions);
        }
    };
    read(top.networks, read_network_definitions);
    read(top.volumes, read_volume_definitions);
    read(top.secrets, read_secret_definitions);
    read(top.configs, read_config_definitions);
    return definitions;
}

std::vector<Draft> read_services(Report& report, Field const& field,
                                 Definitions const& definitions) {
    std::vector<Draft> drafts;
    if (field.value->kind == Node::Kind::map && field.value->entries.size() > services_max) {
        report.error(field, base::concat("expected at most ", services_max, " services, found ",
                                         field.value->entries.size()));
        return drafts;
    }
    for (Field const& entry : read_entries(report, field, "a map of services")) {
        if (!entry.key->text.starts_with("x-")) {
            drafts.push_back(read_service(report, entry, definitions));
        }
    }
    std::ranges::sort(drafts, {}, [](Draft const& draft) -> auto& { return draft.spec.name; });
    return drafts;
}

// A published port belongs to one target of one service.
void check_published(Report& report, std::vector<Draft> const& drafts) {
    struct Use {
        Port port;
        Draft const* draft;
    };

    std::map<std::pair<Protocol, std::uint16_t>, Use> uses;
    for (Draft const& draft : drafts) {
        for (auto const& [port, field] : draft.ports) {
            if (port.published == 0) {
                continue;
            }
            auto const [place, added] =
                uses.try_emplace({port.protocol, port.published}, Use{port, &draft});
            Use const& first = place->second;
            if (!added && (first.draft != &draft || first.port != port)) {
                report.error(field,
                             base::concat("port ", port.published,
                                          port.protocol == Protocol::tcp ? "/tcp" : "/udp",
                                          " is published already, by services.",
                                          first.draft->spec.name, " for port ", first.port.target));
            }
        }
    }
}

// A dependency that need not be there and is not.
void forget_absent(std::vector<Draft>& drafts) {
    for (Draft& draft : drafts) {
        auto const absent = [&drafts](Dependency const& dependency) {
            return !dependency.required &&
                   !std::ranges::binary_search(
                       drafts, dependency.service, {},
                       [](Draft const& each) -> auto& { return each.spec.name; });
        };
        std::erase_if(draft.spec.depends_on, absent);
        std::erase_if(draft.depends_on,
                      [absent](auto const& written) { return absent(written.first); });
    }
}

// Depth first over depends_on: a service met again on the way down closes a cycle.
class CycleSearch {
public:
    CycleSearch(Report& report, std::vector<Draft> const& drafts)
        : report_(report), drafts_(drafts), states_(drafts.size()) {}

    void run() {
        for (std::size_t at = 0; at < drafts_.size(); ++at) {
            visit(at);
        }
    }

private:
    enum class State : std::uint8_t { fresh, on_the_way, done };

    // At most services_max calls deep.
    void visit(std::size_t at) {
        if (states_[at] != State::fresh) {
            return;
        }
        states_[at] = State::on_the_way;
        way_.push_back(at);
        for (auto const& [dependency, field] : drafts_[at].depends_on) {
            auto const found = std::ranges::lower_bound(
                drafts_, dependency.service, {},
                [](Draft const& draft) -> auto& { return draft.spec.name; });
            if (found == drafts_.end() || found->spec.name != dependency.service) {
                report_.error(field, base::concat("expected a service of this file, found ",
                                                  quote(dependency.service)));
                continue;
            }
            auto const next = static_cast<std::size_t>(found - drafts_.begin());
            if (states_[next] == State::on_the_way) {
                report_.error(field, base::concat("expected no cycle, found ", cycle(next)));
            }
            visit(next);
        }
        way_.pop_back();
        states_[at] = State::done;
    }

    [[nodiscard]] std::string cycle(std::size_t from) const {
        static constexpr std::size_t shown_max = 16;
        auto const begin = std::ranges::find(way_, from);
        std::string text;
        std::size_t shown = 0;
        for (auto each = begin; each != way_.end() && shown < shown_max; ++each, ++shown) {
            text += base::concat(drafts_[*each].spec.name, " -> ");
        }
        bool const cut = static_cast<std::size_t>(way_.end() - begin) > shown_max;
        return base::concat(text, cut ? "... -> " : "", drafts_[from].spec.name);
    }

    Report& report_;
    std::vector<Draft> const& drafts_;
    std::vector<State> states_;
    std::vector<std::size_t> way_;
};

void read_root(Report& report, Node const& root, std::string_view name, ComposeFile& file) {
    Field const whole{nullptr, &root, {}};
    if (root.kind != Node::Kind::map) {
        report.expected(whole, "a map with services");
        return;
    }
    Top top;
    read_keys<Top>(report, whole, top, "", top_keys);
    if (top.name) {
        file.project = *top.name;
    } else if (!valid_name(file.project)) {
        report.error(whole, base::concat("expected a file name that makes a project name, or a "
                                         "name: at the top; found ",
                                         quote(file.project)));
    }
    if (!top.services) {
        report.error(whole, "expected services, found none");
        return;
    }
    Definitions const definitions = read_definitions(report, top, file.project, name);
    std::vector<Draft> drafts = read_services(report, *top.services, definitions);
    forget_absent(drafts);
    check_published(report, drafts);
    CycleSearch(report, drafts).run();
    for (Draft& draft : drafts) {
        std::size_t const size = encode(draft.spec).size();
        if (size > encoded_max) {
            report.error(draft.field, base::concat("expected a service of at most ", encoded_max,
                                                   " bytes, found ", size));
        }
        file.services.push_back(std::move(draft.spec));
    }
}

}  // namespace

bool ComposeFile::usable() const {
    return std::ranges::none_of(diagnostics, [](Diagnostic const& diagnostic) {
        return diagnostic.severity == Severity::error;
    });
}

ComposeFile read_compose(ComposeRequest const& request, FileSource const& source) {
    std::string const& file = request.files.front();
    ComposeFile result;
    result.project = project_of(file);
    Report report(printable(file));
    Arena arena;
    Inputs inputs(source, folder_of(file));
    if (Node const* const root = resolve(request, result.project, inputs, arena, report)) {
        read_root(report, *root, file, result);
    }
    // Half-read services must not be mistaken for what the file says.
    if (report.failed()) {
        result.services.clear();
    }
    result.diagnostics = report.take();
    result.inputs = inputs.paths();
    return result;
}

ComposeFile read_compose(std::string_view file, std::string_view text) {
    FileSource const source =
        [&](std::string const& path) -> std::expected<SourceFile, SourceProblem> {
        if (path == file) {
            return SourceFile{.text = std::string(text)};
        }
        return std::unexpected(SourceProblem{true, "cannot be read: no other file is there"});
    };
    return read_compose(
        {.files = {std::string(file)}, .env_files = {}, .variables = {}, .profiles = {}}, source);
}

}  // namespace spec
