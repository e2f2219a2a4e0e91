#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/asio/io_context.hpp>

#include "base/text.h"
#include "net/services_dir.h"
#include "spec/compose.h"

// How long a host needs from its start until it knows what a services directory asks for: 1,000
// files of 10 services, listed, read and made into specs.

namespace {

constexpr int files = 1000;
constexpr int services_a_file = 10;

std::string text_of(int file) {
    std::string text = base::concat("name: p", file, "\nservices:\n");
    for (int at = 0; at < services_a_file; ++at) {
        text += base::concat("  web", at,
                             ":\n"
                             "    image: registry.example/team/web:${TAG}\n"
                             "    environment:\n"
                             "      MODE: production\n"
                             "      PORT: \"80\"\n"
                             "    healthcheck: {test: [CMD, ready], interval: 5s}\n"
                             "    expose: [80]\n"
                             "    deploy: {replicas: 3, resources: {limits: {memory: 128m}}}\n");
    }
    return text;
}

struct Load {
    explicit Load(std::string const& directory)
        : dir(io, directory, [this](net::FileEvent const& event) { take(event); }) {}

    void take(net::FileEvent const& event) {
        if (auto const* const changed = std::get_if<net::FileChanged>(&event)) {
            auto const start = std::chrono::steady_clock::now();
            spec::ComposeFile const file = spec::read_compose(
                {.files = {changed->name}, .env_files = {}, .variables = {}, .profiles = {}},
                [&](std::string const& path)
                    -> std::expected<spec::SourceFile, spec::SourceProblem> {
                    if (path == changed->name) {
                        return spec::SourceFile{.text = changed->content};
                    }
                    return dir.read_input(path);
                });
            dir.set_inputs(changed->name, file.inputs);
            services += file.services.size();
            reading += std::chrono::steady_clock::now() - start;
        }
        done = done || std::holds_alternative<net::FilesScanned>(event);
    }

    boost::asio::io_context io;
    std::size_t services = 0;
    std::chrono::steady_clock::duration reading{};
    bool done = false;
    net::ServicesDir dir;
};

double milliseconds(std::chrono::steady_clock::duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

int main() {
    std::string name = (std::filesystem::temp_directory_path() / "covey-bench-XXXXXX").string();
    std::string const directory = ::mkdtemp(name.data());
    std::ofstream(directory + "/.env") << "TAG=1.2\n";
    for (int file = 0; file < files; ++file) {
        std::ofstream(base::concat(directory, "/f", file, ".yaml")) << text_of(file);
    }
    std::printf(
        "| run | services | until known | of it reading Compose files |\n|---|---|---|---|\n");
    for (int run = 1; run <= 5; ++run) {
        auto const start = std::chrono::steady_clock::now();
        Load load(directory);
        while (!load.done) {
            load.io.run_one();
        }
        std::printf("| %d | %zu | %.0f ms | %.0f ms |\n", run, load.services,
                    milliseconds(std::chrono::steady_clock::now() - start),
                    milliseconds(load.reading));
    }
    std::filesystem::remove_all(directory);
    return 0;
}
