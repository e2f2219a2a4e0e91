#include "cmd/parse.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "base/text.h"
#include "cmd/help.h"

namespace {

using Words = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

std::expected<cmd::Invocation, cmd::ParseStop> parse(Words const& words,
                                                     Variables const& variables = {}) {
    return cmd::parse(words, [&](std::string const& name) {
        auto const found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
}

template <class Kind>
Kind parsed(Words const& words, Variables const& variables = {}) {
    auto const result = parse(words, variables);
    INFO((result ? std::string() : result.error().text));
    REQUIRE(result.has_value());
    REQUIRE(std::holds_alternative<Kind>(result->command));
    return std::get<Kind>(result->command);
}

// The error text of a command line that is wrong.
std::string usage_error(Words const& words, Variables const& variables = {}) {
    auto const result = parse(words, variables);
    REQUIRE_FALSE(result.has_value());
    REQUIRE(result.error().code == cmd::ExitCode::usage);
    return result.error().text;
}

struct TemporaryFile {
    explicit TemporaryFile(std::string_view content) {
        path = (std::filesystem::temp_directory_path() / "covey-parse.XXXXXX").string();
        int const file = ::mkstemp(path.data());
        REQUIRE(file >= 0);
        ::close(file);
        std::ofstream(path) << content;
    }

    ~TemporaryFile() { std::filesystem::remove(path); }

    std::string path;
};

}  // namespace

TEST_CASE("Every command is read with its options") {
    CHECK(parsed<cmd::InitCommand>({"init"}).starting == cmd::Starting::start);
    CHECK(parsed<cmd::InitCommand>({"init", "--no-start"}).starting ==
          cmd::Starting::identity_only);
    parsed<cmd::RunCommand>({"run"});
    parsed<cmd::ReloadCommand>({"reload"});
    parsed<cmd::LeaveCommand>({"leave"});
    CHECK(parsed<cmd::EvictCommand>({"evict", "edge-7"}).host == "edge-7");
    CHECK_FALSE(parsed<cmd::EvictCommand>({"evict", "edge-7"}).undo);
    CHECK(parsed<cmd::EvictCommand>({"evict", "--undo", "edge-7"}).undo);
    parsed<cmd::DoctorCommand>({"doctor"});
    parsed<cmd::VersionCommand>({"version"});
    parsed<cmd::VersionCommand>({"--version"});
    CHECK(parsed<cmd::StatusCommand>({"status", "-o", "json"}).listing == cmd::Listing::json);
    CHECK(parsed<cmd::NodesCommand>({"nodes", "--output=wide"}).listing == cmd::Listing::wide);
    CHECK(parsed<cmd::NodesCommand>({"nodes"}).order == cmd::NodeOrder::name);
    CHECK(parsed<cmd::NodesCommand>({"nodes", "--sort", "nearest"}).order ==
          cmd::NodeOrder::nearest);
    CHECK(parsed<cmd::ServicesCommand>({"services"}).listing == cmd::Listing::table);
    CHECK(parsed<cmd::PsCommand>({"ps", "shop/web"}).service == "shop/web");
    CHECK(parsed<cmd::PsCommand>({"ps", "status"}).service == "status");
    CHECK(parsed<cmd::ApplyCommand>({"apply", "-f", "a.yaml", "-f", "-"}).files.files ==
          Words{"a.yaml", "-"});
    CHECK(parsed<cmd::GetCommand>({"get", "web"}).form == spec::TextForm::yaml);
    CHECK(parsed<cmd::GetCommand>({"get", "web", "-o", "json"}).form == spec::TextForm::json);
    CHECK(parsed<cmd::ConvertCommand>({"convert", "-f", "a.yaml"}).files.files == Words{"a.yaml"});
    CHECK(parsed<cmd::ValidateCommand>({"validate", "a.yaml", "b.yaml"}).files.files ==
          Words{"a.yaml", "b.yaml"});
    CHECK(parsed<cmd::DiffCommand>({"diff", "-f", "a.yaml"}).files.files == Words{"a.yaml"});
    CHECK(parsed<cmd::PlanCommand>({"plan", "-f", "a.yaml", "-o", "json"}).listing ==
          cmd::Listing::json);
    auto const apply = parsed<cmd::ApplyCommand>(
        {"apply", "-f", "a.yaml", "--env-file", "a.env", "--env-file=b.env", "--profile", "x"});
    CHECK(apply.files.files == Words{"a.yaml"});
    CHECK(apply.files.env_files == Words{"a.env", "b.env"});
    CHECK(apply.files.profiles == Words{"x"});
    CHECK(parsed<cmd::RemoveCommand>({"rm", "web", "db"}).services == Words{"web", "db"});
    CHECK(parsed<cmd::ImageLoadCommand>({"image", "load", "-"}).file == "-");
    CHECK(parsed<cmd::ImageListCommand>({"image", "ls", "-o", "wide"}).listing ==
          cmd::Listing::wide);

    auto const scale = parsed<cmd::ScaleCommand>({"scale", "web=3", "shop/db=0"});
    CHECK(scale.replicas == decltype(scale.replicas){{"web", 3}, {"shop/db", 0}});

    auto const logs = parsed<cmd::LogsCommand>({"logs", "-f", "--tail", "20", "web/1"});
    CHECK(logs.target == "web/1");
    CHECK(logs.follow);
    CHECK(logs.tail == 20);

    auto const token =
        parsed<cmd::TokenCreateCommand>({"token", "create", "--ttl", "10m", "--uses", "2"});
    CHECK(token.ttl_seconds == 600);
    CHECK(token.uses == 2);
}

TEST_CASE("A join takes its token from the option, a file or the environment") {
    auto const join = parsed<cmd::JoinCommand>({"join", "10.0.0.1", "--token", "T"});
    CHECK(join.peer_host == "10.0.0.1");
    CHECK(join.peer_port == 7700);
    auto const named = parsed<cmd::JoinCommand>({"join", "edge-1.example:7701", "--token", "T"});
    CHECK(named.peer_host == "edge-1.example");
    CHECK(named.peer_port == 7701);
    CHECK(parsed<cmd::JoinCommand>({"join", "[fd00::1]:1", "--token", "T"}).peer_host == "fd00::1");
    CHECK(join.token == "T");
    TemporaryFile const file("  from-file\n");
    CHECK(parsed<cmd::JoinCommand>({"join", "10.0.0.1:9", "--token-file", file.path}).token ==
          "from-file");
    CHECK(parsed<cmd::JoinCommand>({"join", "10.0.0.1"}, {{"COVEY_TOKEN", "E"}}).token == "E");
    CHECK_THAT(usage_error({"join", "10.0.0.1"}), Catch::Contains("a token is needed"));
    CHECK_THAT(usage_error({"join", "10.0.0.1", "--token-file", "/nonexistent"}),
               Catch::Contains("/nonexistent"));
}

TEST_CASE("Options of the agent stand before or behind the command") {
    auto const before = parse({"--state-dir", "/a", "--port", "7701", "run"});
    auto const behind = parse({"run", "--state-dir=/a", "--port=7701"});
    REQUIRE(before.has_value());
    REQUIRE(behind.has_value());
    CHECK(before->options == behind->options);
    CHECK(before->options.state_dir == "/a");
    CHECK(before->options.listen.port == 7701);
    CHECK(parse({"run"})->options == cmd::DaemonOptions{});
}

TEST_CASE("The command line goes before the environment, and that before the file") {
    TemporaryFile const file(
        "name = \"from-file\"\nbridge = \"from-file\"\nrun-dir = \"/from-file\"\n"
        "label = [\"zone=a\", \"rack=1\"]\n");
    auto const result =
        parse({"run", "--name", "from-line"}, {{"COVEY_CONFIG", file.path},
                                               {"COVEY_NAME", "from-environment"},
                                               {"COVEY_BRIDGE", "from-environment"}});
    REQUIRE(result.has_value());
    CHECK(result->options.config == file.path);
    CHECK(result->options.name == "from-line");
    CHECK(result->options.bridge == "from-environment");
    CHECK(result->options.run_dir == "/from-file");
    CHECK(result->options.labels ==
          std::map<std::string, std::string>{{"rack", "1"}, {"zone", "a"}});
    CHECK(parse({"run"}, {{"COVEY_LABEL", "a=1,b=2"}})->options.labels.size() == 2);
}

TEST_CASE("How changes are confirmed is an option, a variable or a line of the file") {
    auto const terms = [](Words const& words, Variables const& variables = {}) {
        auto const result = parse(words, variables);
        REQUIRE(result.has_value());
        return result->options.ack;
    };
    CHECK(terms({"rm", "web"}) == agent::AckTerms());
    agent::AckTerms const all = terms({"apply", "-f", "a", "--ack", "all", "--ack-timeout", "1m"});
    CHECK(agent::hosts_text(all) == "all");
    CHECK(all.timeout == base::seconds(60));
    CHECK(agent::hosts_text(terms({"rm", "web"}, {{"COVEY_ACK", "3"}})) == "3");
    TemporaryFile const file("ack = \"local\"\n");
    CHECK(agent::hosts_text(terms({"--config", file.path, "rm", "web"})) == "local");
    for (char const* const wrong : {"0", "some", ""}) {
        CHECK_THAT(usage_error({"rm", "web", base::concat("--ack=", wrong)}),
                   Catch::Contains("--ack"));
    }
    CHECK_THAT(usage_error({"rm", "web", "--ack-timeout", "1h"}), Catch::Contains("1s to 10m"));
}

TEST_CASE("Conflicts are listed, and settled by commands of their own") {
    CHECK(parsed<cmd::ConflictsCommand>({"conflicts", "-o", "json"}).listing == cmd::Listing::json);
    auto const restore = parsed<cmd::SettleConflictCommand>({"conflicts", "restore", "3f9a"});
    CHECK(restore.id == "3f9a");
    CHECK(restore.how == agent::Settling::restore);
    CHECK(parsed<cmd::SettleConflictCommand>({"conflicts", "dismiss", "3f9a"}).how ==
          agent::Settling::dismiss);
}

TEST_CASE("A wrong configuration file is named") {
    TemporaryFile const unknown("bridg = \"x\"\n");
    CHECK_THAT(usage_error({"run", "--config", unknown.path}), Catch::Contains("bridg"));
    CHECK_THAT(usage_error({"run", "--config", "/nonexistent.toml"}),
               Catch::Contains("/nonexistent.toml"));
}

TEST_CASE("Options survive being given to another process") {
    auto const given = parse({"init",
                              "--state-dir",
                              "/a b",
                              "--run-dir",
                              "/r",
                              "--socket",
                              "/s",
                              "--services-dir",
                              "/c",
                              "--listen",
                              "10.0.0.1:7702",
                              "--advertise",
                              "10.0.0.2",
                              "--name",
                              "n.1",
                              "--label",
                              "zone=a",
                              "--label",
                              "k=v=w",
                              "--cgroup-parent",
                              "g",
                              "--bridge",
                              "b0",
                              "--runtime",
                              "crun",
                              "--log-level",
                              "debug"});
    REQUIRE(given.has_value());
    Words words{"run"};
    for (std::string const& argument : to_arguments(given->options)) {
        words.push_back(argument);
    }
    auto const again = parse(words);
    REQUIRE(again.has_value());
    CHECK(again->options == given->options);
    CHECK(given->options.labels.at("k") == "v=w");
    CHECK(given->options.runtime == cmd::RuntimeChoice::crun);
}

TEST_CASE("What is wrong with a command line is said, with the page to read") {
    struct Case {
        Words words;
        std::string expected;
    };

    std::vector<Case> const cases{
        {{}, "a command is needed"},
        {{"stauts"}, "\"stauts\" is not a command; did you mean \"status\"?"},
        {{"--socket", "/x", "stauts"}, "did you mean \"status\"?"},
        {{"frobnicate"}, "\"frobnicate\" is not a command\n"},
        {{"token", "crate"}, "did you mean \"create\"?\nSee `agent token --help`"},
        {{"status", "--bogus"}, "--bogus"},
        {{"ps", "a", "b"}, "b\nSee `agent ps --help`"},
        {{"run", "--port", "0"}, "\"0\" is not a port from 1 to 65535"},
        {{"run", "--port", "65536"}, "\"65536\" is not a port"},
        {{"run", "--listen", "here"}, "\"here\" is not IP[:PORT]"},
        {{"run", "--advertise", "1.2.3"}, "\"1.2.3\" is not an IP address"},
        {{"run", "--label", "x"}, "\"x\" is not KEY=VALUE"},
        {{"run", "--name", "a\nb"}, "is not a name of at most 63 letters"},
        {{"run", "--name", std::string(64, 'x')}, "is not a name of at most 63 letters"},
        {{"run", "--cgroup-parent", "../x"}, "\"../x\" is not a control group"},
        {{"run", "--cgroup-parent", "a//b"}, "\"a//b\" is not a control group"},
        {{"run", "--cgroup-parent", "/a"}, "\"/a\" is not a control group"},
        {{"run", "--runtime", "docker"}, "\"docker\" is not auto|crun|runc"},
        {{"status", "-o", "yaml"}, "--output: \"yaml\" is not table|wide|json"},
        {{"scale", "web=-1"}, "\"web=-1\" is not SERVICE=N"},
        {{"scale", "web=10001"}, "\"web=10001\" is not SERVICE=N"},
        {{"token", "create", "--ttl", "0s"}, "\"0s\" is not a duration"},
        {{"join"}, "PEER is required"},
        {{"join", "host:0", "--token", "T"}, "\"host:0\" is not HOST[:PORT]"},
        {{"join", ":7700", "--token", "T"}, "\":7700\" is not HOST[:PORT]"},
        {{"apply"}, "--file is required"},
    };
    for (Case const& one : cases) {
        std::string const text = usage_error(one.words);
        CHECK_THAT(text, Catch::Contains(one.expected));
        CHECK_THAT(text, Catch::StartsWith("agent: ") && Catch::EndsWith("--help`.\n"));
    }
}

TEST_CASE("Every command has a page with a description, options, exit codes and an example") {
    for (Words words : std::vector<Words>{{},
                                          {"init"},
                                          {"join"},
                                          {"run"},
                                          {"leave"},
                                          {"token"},
                                          {"token", "create"},
                                          {"status"},
                                          {"nodes"},
                                          {"services"},
                                          {"ps"},
                                          {"apply"},
                                          {"rm"},
                                          {"scale"},
                                          {"logs"},
                                          {"image"},
                                          {"image", "load"},
                                          {"image", "ls"},
                                          {"doctor"},
                                          {"version"}}) {
        std::string name;
        for (std::string const& word : words) {
            name += name.empty() ? word : base::concat(" ", word);
        }
        words.emplace_back("--help");
        auto const result = parse(words);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().code == cmd::ExitCode::done);
        std::string const& text = result.error().text;
        CHECK_THAT(text, Catch::StartsWith(std::string(cmd::help_page(name).summary)));
        CHECK_THAT(text,
                   Catch::Contains(base::concat("Usage: agent", name.empty() ? "" : " ", name)) &&
                       Catch::Contains("Options") && Catch::Contains("Exit codes:") &&
                       Catch::Contains(base::concat("Examples:\n  ")));
    }
    CHECK_THAT(parse({"run", "--help"}).error().text, Catch::Contains("--cgroup-parent"));
}

TEST_CASE("Membership is configured by options, the environment and the section [gossip]") {
    TemporaryFile const file(
        "profile = \"edge\"\nname = \"web1\"\n"
        "[gossip]\nprobe_interval = \"3s\"\nqueue-max = 100\n");
    Words const words{"run", "--config", file.path, "--gossip-probe-timeout-max", "5s"};
    Variables const variables{{"COVEY_PROFILE", "wan"}};
    auto const result = parse(words, variables);
    REQUIRE(result.has_value());
    cmd::DaemonOptions const& options = result->options;
    CHECK(options.name == "web1");
    CHECK(options.gossip_file ==
          cmd::GossipTexts{{"profile", "edge"}, {"probe-interval", "3s"}, {"queue-max", "100"}});
    CHECK(options.gossip == cmd::GossipTexts{{"profile", "wan"}, {"probe-timeout-max", "5s"}});

    // Read again, with the file as it is then; another process is not given what the file says.
    std::ofstream(file.path) << "[gossip]\nprobe-interval = \"4s\"\n";
    auto const again = std::get<cmd::RunCommand>(result->command).reread();
    REQUIRE(again.has_value());
    CHECK(again->gossip_file == cmd::GossipTexts{{"probe-interval", "4s"}});
    CHECK(again->gossip == options.gossip);
    Words const given = cmd::to_arguments(options);
    CHECK(std::ranges::count(given, "--profile=wan") == 1);
    CHECK(std::ranges::count(given, "--gossip-probe-timeout-max=5s") == 1);
    CHECK(std::ranges::none_of(given, [](std::string const& word) {
        return word.starts_with("--gossip-probe-interval");
    }));

    std::ofstream(file.path) << "[gossip]\nprobe-interval = \"soon\"\n";
    auto const wrong = std::get<cmd::RunCommand>(result->command).reread();
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error() ==
          "gossip probe-interval: \"soon\" is not a duration such as 200ms, 5s or 2m");
    std::ofstream(file.path) << "[gossip]\nfoo = 1\n";
    CHECK_THAT(usage_error({"run", "--config", file.path}),
               Catch::Contains("[gossip] has no parameter \"foo\""));
}
