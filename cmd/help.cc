#include "cmd/help.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace cmd {
namespace {

constexpr std::array pages{
    HelpPage{
        "", "Covey runs containers on a fleet of hosts that has no master.",
        "Every host runs this program. Hosts find each other, share the services they should\n"
        "run, and each decides by itself, alike, which host runs what. Any host answers any\n"
        "command.\n"
        "\n"
        "Options of the agent may stand before or behind the command. Each can also be given\n"
        "in the environment, or in the configuration file by its long name\n"
        "(`state-dir = \"/srv/covey\"`). The command line goes before the environment, and the\n"
        "environment before the file.",
        "  agent init                        found a fleet on this host\n"
        "  agent join 10.0.0.1 --token T     join another host to it\n"
        "  agent apply -f shop.yaml          run the services of a Compose file\n"
        "  agent ps                          see where they run\n"},
    HelpPage{"init", "Found a fleet on this host",
             "Makes this host's identity and a new fleet of which it is the first member, starts\n"
             "the agent in the background, and prints the command that joins other hosts.\n"
             "\n"
             "The agent writes to agent.log in the state directory. Under systemd use --no-start\n"
             "and let the unit run `agent run`. A host belongs to one fleet: `agent leave` first.\n"
             "Needs root.",
             "  agent init\n"
             "  agent init --advertise 10.0.0.1 --label zone=a\n"},
    HelpPage{"join", "Join this host to a fleet",
             "Asks a member of the fleet, any one, to take this host in, keeps what it was given\n"
             "in the state directory, and starts the agent in the background. The token comes\n"
             "from `agent token create` on any member. It is taken from --token, --token-file or\n"
             "the environment variable COVEY_TOKEN; the last two do not show in process listings.\n"
             "Needs root.",
             "  agent join 10.0.0.1 --token T\n"
             "  COVEY_TOKEN=T agent join 10.0.0.1:7701 --name edge-7\n"},
    HelpPage{
        "run", "Run the agent in the foreground",
        "What systemd starts: the daemon, with the identity that `agent init` or `agent join`\n"
        "left in the state directory. It logs to standard error, tells systemd when it is\n"
        "ready, and ends on SIGTERM or SIGINT. Containers go on without it, and the next\n"
        "agent takes them over. Needs root.",
        "  agent run\n"
        "  agent run --listen 10.0.0.1:7700 --log-level debug\n"},
    HelpPage{"reload", "Read the configuration again",
             "Has the agent read its configuration file again and go on with the parameters of\n"
             "membership that are in it: `profile` and the section [gossip]. Prints what changed.\n"
             "If one of them is wrong, all stay as they were. SIGHUP does the same. Other options\n"
             "are read at the start of the agent only.",
             "  agent reload\n"},
    HelpPage{"leave", "Take this host out of its fleet",
             "Tells the other hosts that this one goes, stops its containers, which start\n"
             "elsewhere, and ends the agent. Returns when that is done.",
             "  agent leave\n"},
    HelpPage{"evict", "Throw a host out of the fleet",
             "For a host that is lost for good, or is not to be trusted any more. No other host\n"
             "hears it from then on, and what it ran starts elsewhere. The host itself stops its\n"
             "containers if it can still be told. It keeps the key of the fleet, so shut it down.\n"
             "A host that works is better taken out by `agent leave` on it.",
             "  agent evict edge-7\n"
             "  agent evict 3f9a0c\n"
             "  agent evict --undo edge-7\n"},
    HelpPage{"token", "Make join tokens",
             "A token lets hosts join this fleet until it expires. It holds no key of the fleet.",
             "  agent token create --ttl 1h\n"},
    HelpPage{"token create", "Make a join token and print it",
             "Prints a token that lets hosts join this fleet. Treat it as a password until it\n"
             "expires.",
             "  agent token create\n"
             "  agent token create --ttl 10m --uses 1\n"},
    HelpPage{
        "status", "Show this host, the fleet, service files and problems",
        "What this host's agent knows: the hosts alive, the replicas healthy, how the service\n"
        "files of this host were understood, and what an operator should look at. Answered\n"
        "without asking other hosts. -o wide adds digests, which are equal on hosts that know\n"
        "the same.",
        "  agent status\n"
        "  agent status -o json\n"},
    HelpPage{
        "nodes", "List the hosts of the fleet",
        "Every host that belongs to the fleet, alive or not; * marks this one. RTT is the round\n"
        "trip from here to it as network coordinates have it; -o wide adds what was measured.",
        "  agent nodes\n"
        "  agent nodes --sort nearest\n"
        "  agent nodes -o wide\n"},
    HelpPage{"services", "List the services",
             "Every service of the fleet: healthy and wanted replicas, its virtual IP, its ports.",
             "  agent services\n"},
    HelpPage{"ps", "List instances and where they run",
             "One line for each replica: its status, host, address, restarts, and why it does not\n"
             "run if it does not.",
             "  agent ps\n"
             "  agent ps shop/web -o wide\n"},
    HelpPage{"conflicts", "List edits that lost against one made beside them",
             "When two people change one thing on hosts that do not hear each other, every host\n"
             "later keeps the same one of the two. The other is kept here until somebody decides:\n"
             "`restore` makes the lost edit again, `dismiss` forgets it on this host. Every host\n"
             "lists what it met itself; a conflict has the same id everywhere.",
             "  agent conflicts\n"
             "  agent conflicts restore 3f9a0c12\n"},
    HelpPage{"conflicts restore", "Make a lost edit again",
             "The edit stands again on every host, as one that has seen both. The conflict is\n"
             "settled wherever it is listed.",
             "  agent conflicts restore 3f9a0c12\n"},
    HelpPage{"conflicts dismiss", "Forget a lost edit",
             "Takes the conflict off the list of this host. Nothing else changes.",
             "  agent conflicts dismiss 3f9a0c12\n"},
    HelpPage{"apply", "Run the services of Compose files",
             "Reads Compose files and has the fleet run their services: new ones start, changed\n"
             "ones are replaced, others stay as they are. Warnings name keys that have no effect.\n"
             "If a file has an error, nothing is applied. Further files override the first one.\n"
             "Variables come from the environment, then from `.env` beside the file. `-f -` reads\n"
             "standard input, whose project must be given by `name:`.",
             "  agent apply -f shop.yaml\n"
             "  agent apply -f shop.yaml -f production.yaml --env-file production.env\n"},
    HelpPage{
        "get", "Print a service as a Compose file",
        "Prints what the fleet runs under this name: every value resolved, defaults left out,\n"
        "in an order of its own, with the services that it waits for. `agent apply -f -` takes\n"
        "it back without a change.",
        "  agent get shop/web\n"
        "  agent get web -o json\n"},
    HelpPage{"convert", "Print a Compose file in its canonical form",
             "Prints what Covey reads out of a file. Two files that mean the same give the same\n"
             "text. Works without an agent.",
             "  agent convert -f shop.yaml\n"},
    HelpPage{"validate", "Check Compose files",
             "Says what is wrong with files, and which keys have no effect and why. Works without\n"
             "an agent. Exits with 0 when every file could be applied, else with 1.",
             "  agent validate shop.yaml\n"
             "  agent validate /etc/covey/services/*.yaml\n"},
    HelpPage{"diff", "Compare Compose files with the fleet",
             "Prints the lines of the canonical form that applying the files would take away (-)\n"
             "and bring (+). Exits with 0 when there are none, with 1 when there are, and with 2\n"
             "when it cannot be told.",
             "  agent diff -f shop.yaml\n"},
    HelpPage{"plan", "Show what applying Compose files would do",
             "Lists which replicas would start, stop, move to another host, or be replaced by the\n"
             "new revision, and which no host could take. Nothing is changed.",
             "  agent plan -f shop.yaml\n"
             "  agent plan -f shop.yaml -o json\n"},
    HelpPage{"rm", "Remove services from the fleet",
             "Stops the services on every host and forgets them. A service that comes from a file\n"
             "in a services directory returns when the file is next changed: delete the file.",
             "  agent rm shop/web\n"
             "  agent rm web db\n"},
    HelpPage{"scale", "Set how many replicas services have",
             "Starts or stops replicas until there are as many as wanted. Those that stay are not\n"
             "restarted.",
             "  agent scale shop/web=5\n"
             "  agent scale web=3 worker=0\n"},
    HelpPage{
        "logs", "Show what containers wrote",
        "Prints the logs of a service, of one of its slots, or of a container, whichever host\n"
        "runs it. With several containers each line begins with its instance. Logs of an\n"
        "instance begin anew when its container is replaced.",
        "  agent logs shop/web\n"
        "  agent logs -f --tail 20 shop/web/1\n"},
    HelpPage{"image", "Load and list images", "Images that this host holds.",
             "  agent image load app.tar\n"
             "  agent image ls\n"},
    HelpPage{
        "image load", "Load images from an archive",
        "Adds the images of an OCI-layout or docker-archive tar file to this host, and prints\n"
        "their names. Load an image on every host that may run it.",
        "  agent image load app.tar\n"
        "  docker save app:1 | agent image load -\n"},
    HelpPage{"image ls", "List the images on this host", "Names, digests and sizes.",
             "  agent image ls\n"},
    HelpPage{
        "state", "Check, save, restore and repair the state on disk",
        "What this host keeps of the fleet's shared state. For when the agent does not start,\n"
        "or as a backup: these commands need no agent, and refuse while one runs.",
        "  agent state check\n"
        "  agent state export backup.jsonl\n"},
    HelpPage{"state check", "Verify the state on disk",
             "Verifies every checksum, reads every record and counts them. Changes nothing. Exits\n"
             "with 1 if the state is missing, damaged, or of a newer version.",
             "  agent state check\n"
             "  agent state check --state-dir /srv/covey\n"},
    HelpPage{"state export", "Write the state as text",
             "Writes everything as JSON lines, one entry a line: docs/state.md. Join tokens and\n"
             "other secrets are in it, so a file is made for its owner alone.",
             "  agent state export backup.jsonl\n"
             "  agent state export | jq .reads\n"},
    HelpPage{"state import", "Restore an exported state",
             "Into a state directory that has no state or an empty one, whole or not at all. A\n"
             "damaged one is moved away first. If other hosts of the fleet answer when the agent\n"
             "runs again, their state takes the place of this one.",
             "  agent state import backup.jsonl\n"},
    HelpPage{
        "state repair", "Save what can be read of a damaged state",
        "Makes a sound state of all that can still be read, or an empty one where it is\n"
        "missing, and says what was lost. The damaged one is kept beside it, as\n"
        "state.damaged-N. If other hosts of the fleet answer when the agent runs again, their\n"
        "state takes the place of this one. Does nothing to a state that is sound.",
        "  agent state repair\n"},
    HelpPage{
        "doctor", "Show what this host can do",
        "Checks the kernel, cgroups, file systems and container runtimes by trying them, says\n"
        "what to do about what is missing, and, if the agent runs, what it chose. Works\n"
        "without an agent. Exits with 1 if something needed is missing.",
        "  agent doctor\n"},
    HelpPage{"version", "Show the version",
             "Prints the version of this program and, if an agent runs, of that.",
             "  agent version\n"},
};

}  // namespace

HelpPage const& help_page(std::string_view command) {
    auto const page = std::ranges::find(pages, command, &HelpPage::command);
    CHECK(page != pages.end());
    return *page;
}

std::string_view exit_codes_help() {
    return "Exit codes:\n"
           "  0  done\n"
           "  1  refused, or went wrong; standard error says why\n"
           "  2  the command line or the configuration file is wrong\n"
           "  3  no agent answers on this host\n"
           "  4  done, but fewer hosts than --ack asks for have confirmed it yet\n";
}

}  // namespace cmd
