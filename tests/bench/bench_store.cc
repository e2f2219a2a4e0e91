#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"
#include "crdt/codec.h"
#include "crdt/rocks_store.h"
#include "net/store_writer.h"
#include "tests/bench/store_subjects.h"
#include "tests/bench/table.h"
#include "tests/fleet/harness.h"
#include "tests/fleet/usage.h"
#include "tests/unit/crdt/replicas.h"

// ./dev bench store: what the state costs on disk and in memory, beside a plain file and SQLite, as
// tables for docs/benchmarks.md.
namespace {

namespace fs = std::filesystem;
using bench::number;
using bench::row;
using bench::Subject;

using Open = std::unique_ptr<Subject> (*)(std::string const&);

struct Named {
    char const* name;
    Open open;
};

constexpr Named subjects[] = {{"Covey", bench::open_covey},
                              {"plain file + fdatasync", bench::open_plain_file},
                              {"SQLite", bench::open_sqlite}};

constexpr std::uint64_t writes = 2000;
constexpr std::size_t services = 200;    // of which each is written again and again
constexpr std::size_t value_size = 300;  // about a small service
constexpr std::size_t entries = 20'000;
constexpr int opens = 5;
constexpr int idle_seconds = 60;

constexpr std::string_view service_file = R"(services:
  web:
    image: busybox
    command: ["sh", "-c", "hostname > /var/www/index.html; exec httpd -f -p 80 -h /var/www"]
    expose: [80]
    healthcheck:
      x-covey: {http: 80/}
      interval: 1s
    stop_grace_period: 1s
    deploy: {replicas: 6}
)";

double seconds_of(std::function<void()> const& what) {
    auto const before = std::chrono::steady_clock::now();
    what();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
}

// A user's write of one service; the values do not compress, as those of real services hardly do.
crdt::Batch user_write(std::uint64_t sequence) {
    base::Prng prng(sequence);
    std::string value(value_size, ' ');
    for (char& letter : value) {
        letter = static_cast<char>(prng.below(256));
    }
    crdt::VersionVector version;
    version.raise(crdt::node(1), sequence);
    return {.entries = {crdt::first_write(base::concat("service/shop/web", sequence % services),
                                          value, 1, sequence)},
            .version = version,
            .locals = {}};
}

void bench_bytes(std::string const& directory) {
    double const payload =
        static_cast<double>(crdt::encoded_size(user_write(writes).entries.front()));
    bench::title(base::concat(writes, " user writes of ", number(payload, 0),
                              " bytes, each synced: bytes that reach the device (ext4)"));
    double plain = 0;
    for (Named const& subject : {subjects[1], subjects[0], subjects[2]}) {
        bench::Device const device(directory + "/device");
        auto const opened = subject.open(device.mounted() + "/state");
        std::uint64_t const before = device.written_bytes();
        for (std::uint64_t i = 1; i <= writes; ++i) {
            opened->write(user_write(i));
        }
        double const each = static_cast<double>(device.written_bytes() - before) / double{writes};
        plain = plain == 0 ? each : plain;
        row(subject.name,
            base::concat(number(each, 0), " bytes a write, ", number(each / payload, 1),
                         " x the entry, ", number(each / plain, 2), " x the plain file"));
    }
    bench::Device const device(directory + "/device");
    auto const opened = bench::open_covey(device.mounted() + "/state");
    std::uint64_t const before = device.written_bytes();
    for (std::uint64_t i = 1; i <= writes; ++i) {
        crdt::Batch batch = user_write(i);
        batch.entries.front().key =
            base::concat("instance/", to_string(crdt::node(1)), "/shop/web/", i % services);
        opened->write(batch);
    }
    double const each = static_cast<double>(device.written_bytes() - before) / double{writes};
    row("Covey, observations (not synced)",
        base::concat(number(each, 0), " bytes a write, ", number(each / payload, 1),
                     " x the entry"));
}

// `writers` that each wait for their write before the next, through the product's writer thread.
double writes_a_second(std::string const& directory, std::size_t writers) {
    CHECK(crdt::make_rocks_store(directory).has_value());
    auto store = *crdt::open_rocks_store(directory);
    boost::asio::io_context io;
    auto const guard = boost::asio::make_work_guard(io);
    std::uint64_t asked = 0;
    std::uint64_t done = 0;
    net::StoreWriter* use = nullptr;
    net::StoreWriter writer(io, *store, [&](std::uint64_t, base::Result<void> const&) {
        ++done;
        if (asked < writes) {
            ++asked;
            use->submit(asked, user_write(asked));
        } else if (done == asked) {
            io.stop();
        }
    });
    use = &writer;
    double const seconds = seconds_of([&] {
        for (std::size_t i = 0; i < writers; ++i) {
            ++asked;
            writer.submit(asked, user_write(asked));
        }
        io.run();
    });
    return double{writes} / seconds;
}

void bench_throughput(std::string const& directory) {
    bench::title("synced writes a second");
    for (Named const& subject : {subjects[1], subjects[2]}) {
        auto const opened = subject.open(base::concat(directory, "/rate-", subject.name[0]));
        double const seconds = seconds_of([&] {
            for (std::uint64_t i = 1; i <= writes; ++i) {
                opened->write(user_write(i));
            }
        });
        row(base::concat(subject.name, ", 1 writer"), number(double{writes} / seconds, 0));
    }
    double const one = writes_a_second(directory + "/one", 1);
    double const many = writes_a_second(directory + "/many", 64);
    row("Covey, 1 writer", number(one, 0));
    row("Covey, 64 writers",
        base::concat(number(many, 0), ", ", number(many / one, 1), " x one writer"));
}

std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void print_growth(Open open, std::string const& place) {
    std::uint64_t const before = resident_bytes();
    auto const opened = open(place);
    for (std::uint64_t i = 1; i <= writes; ++i) {
        opened->write(user_write(i));
    }
    static_cast<void>(opened->read());
    ::malloc_trim(0);  // what was read is gone; what the store holds is not
    std::printf("%llu\n", static_cast<unsigned long long>(resident_bytes() - before));
}

// In a process of its own: what was freed before must not count.
double resident_growth(char const* subject, std::string const& place) {
    std::string const command = base::concat(fs::read_symlink("/proc/self/exe").string(),
                                             " --memory '", subject, "' ", place);
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    unsigned long long grown = 0;
    bool const read = pipe != nullptr && std::fscanf(pipe, "%llu", &grown) == 1;
    ::pclose(pipe);
    return read ? static_cast<double>(grown) / (1 << 20) : 0;
}

void bench_open(std::string const& directory) {
    bench::title(base::concat(entries, " entries: until all are read after a start; memory"));
    crdt::Batch content;
    for (std::uint64_t i = 1; i <= entries; ++i) {
        crdt::Batch one = user_write(i);
        one.entries.front().key = base::concat("service/shop/web", i);
        content.entries.push_back(std::move(one.entries.front()));
        content.version = std::move(one.version);
    }
    for (Named const& subject : subjects) {
        std::string const place = base::concat(directory, "/open-", subject.name[0]);
        subject.open(place)->write(content);
        std::vector<double> times;
        std::size_t read = 0;
        for (int i = 0; i < opens; ++i) {
            times.push_back(1000 * seconds_of([&] { read = subject.open(place)->read(); }));
        }
        double const grown = resident_growth(subject.name, place);
        std::ranges::sort(times);
        row(subject.name,
            base::concat(number(times[opens / 2], 1), " ms for ", read, "; memory grows by ",
                         number(grown, 1), " MiB when it is open, written to and read"));
    }
}

std::uint64_t written_by(pid_t process) {
    std::ifstream file(base::concat("/proc/", process, "/io"));
    std::string name;
    for (std::uint64_t value = 0; file >> name >> value;) {
        if (name == "write_bytes:") {
            return value;
        }
    }
    return 0;
}

void bench_idle(std::string const& agent) {
    if (std::string const reason = fleet::reason_to_skip(agent); !reason.empty()) {
        bench::remark(base::concat("idle fleet: skipped, ", reason));
        return;
    }
    bench::title(base::concat("3 idle hosts with 6 replicas, ", idle_seconds,
                              " s: bytes written to files by each agent"));
    fleet::Fleet fleet({.agent = agent, .hosts = 3});
    fleet.found();
    fleet.host(0).put_file("bench.yaml", service_file);
    // Until it runs and what it wrote at the start is behind it.
    ::poll(nullptr, 0, 20'000);
    std::vector<std::uint64_t> before;
    for (std::size_t i = 0; i < fleet.size(); ++i) {
        before.push_back(written_by(fleet.host(i).agent_pid()));
    }
    ::poll(nullptr, 0, idle_seconds * 1000);
    for (std::size_t i = 0; i < fleet.size(); ++i) {
        std::uint64_t const bytes = written_by(fleet.host(i).agent_pid()) - before[i];
        row(fleet.host(i).name(),
            base::concat(bytes, " bytes, extrapolated ", bytes * 3600 / idle_seconds / 1024,
                         " KiB an hour; memory (RSS) ",
                         fleet::usage_of(fleet.host(i).agent_pid()).resident_bytes / 1024, " KiB"));
    }
}

}  // namespace

int main(int count, char** words) {
    if (count == 4 && std::string_view(words[1]) == "--memory") {
        for (Named const& subject : subjects) {
            if (std::string_view(words[2]) == subject.name) {
                print_growth(subject.open, words[3]);
            }
        }
        return 0;
    }
    if (count < 2) {
        std::fputs("bench_store AGENT [open] [rate] [bytes] [idle]\n", stderr);
        return 2;
    }
    bool const devices = bench::own_mounts();
    std::vector<std::string_view> const parts(words + 2, words + count);
    auto const wanted = [&](std::string_view part) {
        return parts.empty() || std::ranges::find(parts, part) != parts.end();
    };
    // On a disk: /tmp may be in memory.
    std::string directory = "/var/tmp/covey-bench-store.XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) {
        std::perror(directory.c_str());
        return 1;
    }
    if (wanted("open")) {
        bench_open(directory);
    }
    if (wanted("rate")) {
        bench_throughput(directory);
    }
    if (wanted("bytes") && devices) {
        bench_bytes(directory);
    } else if (wanted("bytes")) {
        bench::remark("bytes on the device: skipped, they need root");
    }
    if (wanted("idle")) {
        bench_idle(words[1]);
    }
    fs::remove_all(directory);
    return 0;
}
