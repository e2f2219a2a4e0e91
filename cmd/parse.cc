#include "cmd/parse.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cmd/config_file.h"
#include "cmd/help.h"
#include "cmd/nearest.h"
#include "cmd/page_formatter.h"
#include "cmd/units.h"
#include "cmd/values.h"
#include "spec/spec.h"

namespace cmd {
namespace {

constexpr auto default_config = "/etc/covey/agent.toml";

class CommandLine {
public:
    CommandLine() : app_(std::string(help_page("").summary), "agent") {
        auto const formatter = std::make_shared<PageFormatter>();
        formatter->label("SUBCOMMAND", "COMMAND");
        app_.formatter(formatter);
        app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
        app_.allow_config_extras(CLI::config_extras_mode::error);
        app_.require_subcommand(1, 1);
        app_.fallthrough();
        app_.option_defaults()->group(std::string(agent_options));
        add_agent_options();
        app_.option_defaults()->group(std::string(gossip_options))->configurable(false);
        add_gossip_options();
        app_.option_defaults()->group("Options")->configurable(false);
        app_.set_version_flag("--version", "", "As `agent version`");
        app_.get_option("--help")->description("This page")->configurable(false);
        add_fleet_commands();
        add_listing_commands();
        add_service_commands();
        add_host_commands();
    }

    std::expected<Invocation, ParseStop> parse(std::span<std::string const> arguments,
                                               Environment const& environment) {
        std::vector<std::string> all = from_environment(environment);
        all.insert(all.end(), arguments.begin(), arguments.end());
        std::ranges::reverse(all);
        try {
            app_.parse(all);
            finish(environment);
        } catch (CLI::CallForHelp const&) {
            return std::unexpected(ParseStop{ExitCode::done, app_.help()});
        } catch (CLI::CallForVersion const&) {
            return Invocation{out_.options, VersionCommand{}};
        } catch (CLI::ParseError const& error) {
            return std::unexpected(ParseStop{ExitCode::usage, problem(error)});
        }
        return std::move(out_);
    }

private:
    CLI::App* add(CLI::App& parent, std::string const& name) {
        std::string const page =
            &parent == &app_ ? name : base::concat(parent.get_name(), " ", name);
        CLI::App* const command = parent.add_subcommand(name, std::string(help_page(page).summary));
        command->fallthrough()->group("Commands");
        return command;
    }

    // The command that `command` selects, filled by its options.
    template <class Kind>
    std::shared_ptr<Kind> selects(CLI::App* command) {
        auto made = std::make_shared<Kind>();
        command->final_callback([this, made, command] {
            // One of its own commands has been selected before.
            if (command->get_subcommands().empty()) {
                out_.command = *made;
            }
        });
        return made;
    }

    void add_agent_options() {
        DaemonOptions& options = out_.options;
        app_.set_config("--config", default_config,
                        "Configuration file (TOML), instead of /etc/covey/agent.toml")
            ->option_text("FILE")
            ->configurable(false);
        auto const add_text = [&](char const* name, std::string& out, char const* text,
                                  std::string const& description) {
            app_.add_option(name, out, description)->option_text(text);
        };
        add_text("--state-dir", options.state_dir, "DIR",
                 "Identity, state, images and containers [/var/lib/covey]");
        add_text("--run-dir", options.run_dir, "DIR", "Sockets, gone after a reboot [/run/covey]");
        add_text("--socket", options.socket, "FILE", "Admin socket [RUN-DIR/agent.sock]");
        add_text("--services-dir", options.services_dir, "DIR",
                 "Compose files to be run [/etc/covey/services]");
        add_identity_options(options);
        add_read(
            app_, "--cgroup-parent",
            [&](std::string const& text) {
                options.cgroup_parent = text;
                return is_cgroup_path(text);
            },
            "a control group", "Control group of all containers [covey]")
            ->option_text("NAME");
        add_text("--bridge", options.bridge, "NAME", "Network bridge of containers [covey0]");
        add_choice("--runtime", options.runtime,
                   {{"auto", RuntimeChoice::automatic},
                    {"crun", RuntimeChoice::crun},
                    {"runc", RuntimeChoice::runc}},
                   "auto|crun|runc", "OCI runtime; auto tries them [auto]");
        add_choice("--log-level", options.log_level,
                   {{"debug", base::LogLevel::debug},
                    {"info", base::LogLevel::info},
                    {"warning", base::LogLevel::warning},
                    {"error", base::LogLevel::error}},
                   "debug|info|warning|error", "The least that is logged [info]");
        add_ack_options(options.ack);
    }

    void add_ack_options(agent::AckTerms& terms) {
        add_read(
            app_, "--ack", [&](std::string const& text) { return agent::read_hosts(text, terms); },
            "usual, local, all or a number from 1",
            "Hosts that must have a change on their disks before it is answered; usual is two, or "
            "one where no other is alive [usual]")
            ->option_text("usual|local|all|N");
        add_read(
            app_, "--ack-timeout",
            [&](std::string const& text) {
                auto const time = parse_duration(text);
                terms.timeout = time.value_or(base::seconds(0));
                return time && *time > base::seconds(0) && *time <= agent::AckTerms::timeout_max;
            },
            "a duration from 1s to 10m", "How long they are waited for [5s]")
            ->option_text("DURATION");
    }

    void add_gossip_options() {
        app_.config_formatter(std::make_shared<ConfigFile>(out_.options.gossip_file));
        auto const add_one = [this](std::string const& option, std::string const& name,
                                    std::string_view form, std::string_view help) {
            app_.add_option_function<std::string>(
                    option,
                    [this, name](std::string const& text) { out_.options.gossip[name] = text; },
                    std::string(help))
                ->option_text(std::string(form));
        };
        add_one("--profile", "profile", "lan|wan|edge", "Bounds that suit the links between hosts");
        for (GossipParameter const& each : gossip_parameters()) {
            add_one(base::concat("--gossip-", each.name), std::string(each.name), each.form,
                    each.help);
        }
    }

    // Where and as what the others see this host.
    void add_identity_options(DaemonOptions& options) {
        add_read(
            app_, "--listen",
            [&](std::string const& text) {
                return assign(options.listen, base::parse_socket_address(text, default_port));
            },
            "IP[:PORT]", "Where to be reached by other hosts [0.0.0.0:7700]")
            ->option_text("IP[:PORT]");
        add_read(
            app_, "--port",
            [&](std::string const& text) {
                return assign(port_, base::parse_integer<std::uint16_t>(text)) && port_ != 0;
            },
            "a port from 1 to 65535", "Port of --listen, UDP and TCP [7700]")
            ->option_text("N");
        add_read(
            app_, "--advertise",
            [&](std::string const& text) {
                options.advertise = base::parse_ip(text);
                return options.advertise.has_value();
            },
            "an IP address", "Address that other hosts use [that of the default route]")
            ->option_text("IP");
        add_read(
            app_, "--name",
            [&](std::string const& text) {
                options.name = text;
                return is_host_name(text);
            },
            "a name of at most 63 letters, digits, '.', '-' and '_'",
            "What people call this host [its host name]")
            ->option_text("NAME");
        app_.add_option_function<std::vector<std::string>>(
                "--label", [&](std::vector<std::string> const& labels) { add_labels(labels); },
                "Label of this host for placement, as node.labels.KEY; may be repeated")
            ->option_text("KEY=VALUE")
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }

    template <class Enum>
    CLI::Option* add_choice(std::string const& name, Enum& out,
                            std::map<std::string, Enum> const& choices, char const* text,
                            std::string const& description, CLI::App* app = nullptr) {
        auto const read = [&out, choices](std::string const& chosen) {
            auto const choice = choices.find(chosen);
            if (choice != choices.end()) {
                out = choice->second;
            }
            return choice != choices.end();
        };
        CLI::App& target = app != nullptr ? *app : app_;
        return add_read(target, name, read, text, description)->option_text(text);
    }

    void add_labels(std::vector<std::string> const& labels) {
        for (std::string const& label : labels) {
            auto pair = parse_pair(label);
            if (!pair) {
                throw CLI::ValidationError("--label",
                                           base::concat("\"", label, "\" is not KEY=VALUE"));
            }
            out_.options.labels.insert_or_assign(std::move(pair->first), std::move(pair->second));
        }
    }

    void add_fleet_commands() {
        CLI::App* const init = add(app_, "init");
        auto const init_command = selects<InitCommand>(init);
        add_no_start(init, init_command);

        CLI::App* const join = add(app_, "join");
        auto const join_command = selects<JoinCommand>(join);
        add_read(
            *join, "PEER",
            [join_command](std::string const& text) { return read_peer(*join_command, text); },
            "HOST[:PORT]", "Any member: its IP address or name, and its port if not 7700")
            ->required()
            ->option_text(" ");
        join->add_option("--token", join_command->token, "The token")->option_text("TOKEN");
        join->add_option("--token-file", token_file_, "A file that holds the token")
            ->option_text("FILE");
        add_no_start(join, join_command);

        selects<RunCommand>(add(app_, "run"));
        selects<ReloadCommand>(add(app_, "reload"));
        selects<LeaveCommand>(add(app_, "leave"));
        CLI::App* const evict = add(app_, "evict");
        auto const evict_command = selects<EvictCommand>(evict);
        evict->add_option("NODE", evict_command->host, "Its name, its id or a beginning of that")
            ->required()
            ->option_text(" ");
        evict->add_flag("--undo", evict_command->undo, "Take it back");

        CLI::App* const token = add(app_, "token");
        token->require_subcommand(1, 1);
        CLI::App* const create = add(*token, "create");
        auto const create_command = selects<TokenCreateCommand>(create);
        add_read(
            *create, "--ttl",
            [create_command](std::string const& text) {
                auto const ttl = parse_duration(text);
                create_command->ttl_seconds = ttl ? static_cast<std::uint64_t>(ttl->count()) : 0;
                return create_command->ttl_seconds > 0;
            },
            "a duration such as 30m, 1h or 7d", "How long the token is good for [1h]")
            ->option_text("DURATION");
        add_read(
            *create, "--uses",
            [create_command](std::string const& text) {
                return assign(create_command->uses, base::parse_integer<std::uint32_t>(text));
            },
            "a number", "How many hosts may join with it; 0: any number [0]")
            ->option_text("N");
    }

    static bool read_peer(JoinCommand& command, std::string const& text) {
        if (auto const address = base::parse_socket_address(text, default_port)) {
            command.peer_host = to_string(address->ip);
            command.peer_port = address->port;
            return address->port != 0;
        }
        std::size_t const colon = text.find(':');
        command.peer_host = text.substr(0, colon);
        auto const port = colon == std::string::npos
                              ? std::optional(default_port)
                              : base::parse_integer<std::uint16_t>(text.substr(colon + 1));
        return !command.peer_host.empty() && assign(command.peer_port, port) && *port != 0;
    }

    template <class Kind>
    void add_no_start(CLI::App* app, std::shared_ptr<Kind> command) {
        app->add_flag_callback(
            "--no-start", [command] { command->starting = Starting::identity_only; },
            "Do not start the agent");
    }

    template <class Kind>
    std::pair<CLI::App*, std::shared_ptr<Kind>> add_listing(CLI::App& parent,
                                                            std::string const& name) {
        CLI::App* const app = add(parent, name);
        auto const command = selects<Kind>(app);
        add_choice("-o,--output", command->listing,
                   {{"table", Listing::table}, {"wide", Listing::wide}, {"json", Listing::json}},
                   "table|wide|json", "Form of the listing [table]", app);
        if constexpr (requires { command->service; }) {
            app->add_option("SERVICE", command->service, "Only this one, [PROJECT/]SERVICE")
                ->option_text(" ");
        }
        return {app, command};
    }

    void add_listing_commands() {
        add_listing<StatusCommand>(app_, "status");
        auto const [nodes, nodes_command] = add_listing<NodesCommand>(app_, "nodes");
        add_choice("--sort", nodes_command->order,
                   {{"name", NodeOrder::name}, {"nearest", NodeOrder::nearest}}, "name|nearest",
                   "Order of the hosts: by name, or by the round trip to them [name]", nodes);
        add_listing<ServicesCommand>(app_, "services");
        add_listing<PsCommand>(app_, "ps");
        CLI::App* const conflicts = add_listing<ConflictsCommand>(app_, "conflicts").first;
        conflicts->require_subcommand(0, 1);
        for (auto const& [name, how] : {std::pair("restore", agent::Settling::restore),
                                        std::pair("dismiss", agent::Settling::dismiss)}) {
            CLI::App* const settle = add(*conflicts, name);
            auto const command = selects<SettleConflictCommand>(settle);
            command->how = how;
            settle->add_option("ID", command->id, "Its id, or a beginning of that")
                ->required()
                ->option_text(" ");
        }
    }

    template <class Kind>
    void add_files(CLI::App* app, std::shared_ptr<Kind> command) {
        add_many(*app, "-f,--file", command->files.files, "FILE ...",
                 "Compose file; - is standard input; further ones override it")
            ->required();
        add_surroundings(app, command);
    }

    template <class Kind>
    void add_surroundings(CLI::App* app, std::shared_ptr<Kind> command) {
        add_many(*app, "--env-file", command->files.env_files, "FILE ...",
                 "Variables, instead of .env beside the file");
        add_many(*app, "--profile", command->files.profiles, "NAME ...",
                 "Profile to activate; * is all");
    }

    template <class Kind>
    void add_form(CLI::App* app, std::shared_ptr<Kind> command) {
        add_choice("-o,--output", command->form,
                   {{"yaml", spec::TextForm::yaml}, {"json", spec::TextForm::json}}, "yaml|json",
                   "Form of the text [yaml]", app);
    }

    // What looks at service files and changes nothing.
    void add_file_commands() {
        CLI::App* const get = add(app_, "get");
        auto const get_command = selects<GetCommand>(get);
        get->add_option("SERVICE", get_command->service, "[PROJECT/]SERVICE")
            ->required()
            ->option_text(" ");
        add_form(get, get_command);

        CLI::App* const convert = add(app_, "convert");
        auto const convert_command = selects<ConvertCommand>(convert);
        add_files(convert, convert_command);
        add_form(convert, convert_command);

        CLI::App* const validate = add(app_, "validate");
        auto const validate_command = selects<ValidateCommand>(validate);
        add_many(*validate, "FILE", validate_command->files.files, " ",
                 "Compose files; - is standard input")
            ->required();
        add_surroundings(validate, validate_command);

        CLI::App* const diff = add(app_, "diff");
        add_files(diff, selects<DiffCommand>(diff));

        CLI::App* const plan = add(app_, "plan");
        auto const plan_command = selects<PlanCommand>(plan);
        add_files(plan, plan_command);
        add_choice("-o,--output", plan_command->listing,
                   {{"table", Listing::table}, {"wide", Listing::wide}, {"json", Listing::json}},
                   "table|wide|json", "Form of the listing [table]", plan);
    }

    void add_service_commands() {
        CLI::App* const apply = add(app_, "apply");
        add_files(apply, selects<ApplyCommand>(apply));

        add_file_commands();

        CLI::App* const remove = add(app_, "rm");
        auto const remove_command = selects<RemoveCommand>(remove);
        remove->add_option("SERVICE", remove_command->services, "[PROJECT/]SERVICE")
            ->required()
            ->option_text(" ")
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);

        CLI::App* const scale = add(app_, "scale");
        auto const scale_command = selects<ScaleCommand>(scale);
        scale
            ->add_option_function<std::vector<std::string>>(
                "SERVICE=N",
                [scale_command](std::vector<std::string> const& texts) {
                    add_replicas(*scale_command, texts);
                },
                "[PROJECT/]SERVICE and the number of replicas wanted")
            ->required()
            ->option_text(" ")
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);

        CLI::App* const logs = add(app_, "logs");
        auto const logs_command = selects<LogsCommand>(logs);
        logs->add_option("TARGET", logs_command->target,
                         "[PROJECT/]SERVICE, [PROJECT/]SERVICE/SLOT or a container's id")
            ->required()
            ->option_text(" ");
        logs->add_flag("-f,--follow", logs_command->follow, "Go on until interrupted");
        add_read(
            *logs, "--tail",
            [logs_command](std::string const& text) {
                logs_command->tail = base::parse_integer<std::uint32_t>(text);
                return logs_command->tail.has_value();
            },
            "a number of lines", "Only the last N lines of each container")
            ->option_text("N");
    }

    static void add_replicas(ScaleCommand& command, std::vector<std::string> const& texts) {
        for (std::string const& text : texts) {
            auto const pair = parse_pair(text);
            auto const replicas =
                pair ? base::parse_integer<std::uint32_t>(pair->second) : std::nullopt;
            if (!replicas || *replicas > spec::replicas_max) {
                throw CLI::ValidationError(
                    "scale", base::concat("\"", text, "\" is not SERVICE=N with N from 0 to ",
                                          spec::replicas_max));
            }
            command.replicas.emplace_back(pair->first, *replicas);
        }
    }

    void add_host_commands() {
        CLI::App* const state = add(app_, "state");
        state->require_subcommand(1, 1);
        selects<StateCheckCommand>(add(*state, "check"));
        selects<StateRepairCommand>(add(*state, "repair"));
        CLI::App* const out = add(*state, "export");
        out->add_option("FILE", selects<StateExportCommand>(out)->file, "[standard output]");
        CLI::App* const in = add(*state, "import");
        in->add_option("FILE", selects<StateImportCommand>(in)->file, "- is standard input")
            ->required();
        CLI::App* const image = add(app_, "image");
        image->require_subcommand(1, 1);
        CLI::App* const load = add(*image, "load");
        auto const load_command = selects<ImageLoadCommand>(load);
        load->add_option("FILE", load_command->file, "A tar file; - is standard input")
            ->required()
            ->option_text(" ");
        add_listing<ImageListCommand>(*image, "ls");
        selects<DoctorCommand>(add(app_, "doctor"));
        selects<VersionCommand>(add(app_, "version"));
    }

    // As arguments before the given ones, which therefore win.
    std::vector<std::string> from_environment(Environment const& environment) const {
        std::vector<std::string> arguments;
        for (CLI::Option const* option : app_.get_options()) {
            if (option->get_group() != agent_options && option->get_group() != gossip_options) {
                continue;
            }
            std::string const name = option->get_single_name();
            std::string variable = "COVEY_";
            for (char const character : name) {
                variable +=
                    character == '-'
                        ? '_'
                        : static_cast<char>(std::toupper(static_cast<unsigned char>(character)));
            }
            std::optional<std::string> const value = environment(variable);
            if (!value || value->empty()) {
                continue;
            }
            auto const values =
                name == "label" ? base::split(*value, ',') : std::vector<std::string_view>{*value};
            for (std::string_view const one : values) {
                arguments.push_back(base::concat("--", name, "=", one));
            }
        }
        return arguments;
    }

    void finish(Environment const& environment) {
        CLI::Option const* const config = app_.get_config_ptr();
        if (config->as<std::string>() != default_config) {
            out_.options.config = config->as<std::string>();
        }
        if (auto const settings = gossip_settings(out_.options.gossip_file, out_.options.gossip);
            !settings) {
            throw CLI::ValidationError(settings.error().message);
        }
        out_.options.listen.port = port_ != 0 ? port_ : out_.options.listen.port;
        if (auto* const join = std::get_if<JoinCommand>(&out_.command)) {
            join->token = token(environment, join->token);
        }
    }

    std::string token(Environment const& environment, std::string token) const {
        if (token.empty() && !token_file_.empty()) {
            std::ifstream file(token_file_);
            std::string content{std::istreambuf_iterator<char>(file), {}};
            token = base::trim(content);
            if (token.empty()) {
                throw CLI::ValidationError("--token-file",
                                           base::concat("no token in ", token_file_));
            }
        }
        if (token.empty()) {
            token = environment("COVEY_TOKEN").value_or("");
        }
        if (token.empty()) {
            throw CLI::ValidationError(
                "join",
                "a token is needed: --token T, --token-file FILE or COVEY_TOKEN; "
                "`agent token create` on a member makes one");
        }
        return token;
    }

    std::string problem(CLI::ParseError const& error) const {
        CLI::App const* deepest = &app_;
        while (!deepest->get_subcommands().empty()) {
            deepest = deepest->get_subcommands().front();
        }
        std::string const name = command_name(deepest);
        std::string text = error.what();
        std::vector<std::string> const rest = app_.remaining(true);
        auto const typed = std::ranges::find_if(
            rest, [](std::string const& word) { return !word.starts_with('-'); });
        bool const needs_command = deepest->get_require_subcommand_min() > 0;
        if (needs_command && typed != rest.end()) {
            text = base::concat("\"", *typed, "\" is not a command", suggestion(*deepest, *typed));
        } else if (needs_command && rest.empty()) {
            text = "a command is needed";
        }
        return base::concat("agent: ", text, "\nSee `agent ", name, name.empty() ? "" : " ",
                            "--help`.\n");
    }

    static std::string suggestion(CLI::App const& parent, std::string const& typed) {
        std::vector<std::string> names;
        for (CLI::App const* command : parent.get_subcommands({})) {
            names.push_back(command->get_name());
        }
        std::string_view const meant = nearest(typed, names);
        return meant.empty() ? std::string() : base::concat("; did you mean \"", meant, "\"?");
    }

    CLI::App app_;
    Invocation out_;
    std::uint16_t port_ = 0;
    std::string token_file_;
};

}  // namespace

std::expected<Invocation, ParseStop> parse(std::span<std::string const> arguments,
                                           Environment const& environment) {
    auto parsed = CommandLine().parse(arguments, environment);
    if (auto* const run = parsed ? std::get_if<RunCommand>(&parsed->command) : nullptr) {
        run->reread = [words = std::vector(arguments.begin(), arguments.end()),
                       environment]() -> std::expected<DaemonOptions, std::string> {
            auto again = parse(words, environment);
            if (!again) {
                // The first line, without the name of the program.
                std::string_view text = again.error().text;
                text = text.substr(0, text.find('\n'));
                text.remove_prefix(std::min(text.find(": ") + 2, text.size()));
                return std::unexpected(std::string(text));
            }
            return std::move(again->options);
        };
    }
    return parsed;
}

}  // namespace cmd
