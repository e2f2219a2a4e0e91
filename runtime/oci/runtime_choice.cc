#include "runtime/oci/runtime_choice.h"

#include <cstring>
#include <string_view>

#include <elf.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/oci/bundle.h"
#include "runtime/system/file.h"
#include "runtime/system/process.h"

namespace runtime {
namespace {

constexpr char const* program_dirs[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                        "/usr/bin",        "/sbin",          "/bin"};
constexpr base::Duration trial_timeout = base::seconds(30);
constexpr std::size_t output_max = 4096;
constexpr int trial_exit_code = 42;

// exit(42) without a library, so that the trial needs nothing but itself in its root.
#if defined(__x86_64__)
constexpr Elf64_Half machine = EM_X86_64;
constexpr unsigned char code[] = {0x6a, 0x2a, 0x5f, 0x6a, 0x3c, 0x58, 0x0f, 0x05};
#elif defined(__aarch64__)
constexpr Elf64_Half machine = EM_AARCH64;
constexpr unsigned char code[] = {0x40, 0x05, 0x80, 0xd2, 0xa8, 0x0b,
                                  0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};
#endif

std::string tiny_program() {
    constexpr Elf64_Addr load_address = 0x400000;

    struct {
        Elf64_Ehdr file;
        Elf64_Phdr segment;
        unsigned char text[sizeof(code)];
    } image{};

    constexpr std::size_t entry = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
    std::memcpy(image.file.e_ident, ELFMAG, SELFMAG);
    image.file.e_ident[EI_CLASS] = ELFCLASS64;
    image.file.e_ident[EI_DATA] = ELFDATA2LSB;
    image.file.e_ident[EI_VERSION] = EV_CURRENT;
    image.file.e_type = ET_EXEC;
    image.file.e_machine = machine;
    image.file.e_version = EV_CURRENT;
    image.file.e_entry = load_address + entry;
    image.file.e_phoff = sizeof(Elf64_Ehdr);
    image.file.e_ehsize = sizeof(Elf64_Ehdr);
    image.file.e_phentsize = sizeof(Elf64_Phdr);
    image.file.e_phnum = 1;
    image.segment.p_type = PT_LOAD;
    image.segment.p_flags = PF_R | PF_X;
    image.segment.p_vaddr = load_address;
    image.segment.p_paddr = load_address;
    image.segment.p_filesz = entry + sizeof(code);
    image.segment.p_memsz = entry + sizeof(code);
    image.segment.p_align = 0x1000;
    std::memcpy(image.text, code, sizeof(code));
    return {reinterpret_cast<char const*>(&image), entry + sizeof(code)};
}

std::string find_program(std::string const& name) {
    if (name.contains('/')) {
        return name;
    }
    for (char const* const directory : program_dirs) {
        std::string path = base::concat(directory, "/", name);
        if (access(path.c_str(), X_OK) == 0) {
            return path;
        }
    }
    return {};
}

// "runc 1.1.5" of "runc version 1.1.5+ds1".
std::string version_of(std::string const& path, std::string const& name) {
    auto const outcome = run_program({path, "--version"}, trial_timeout, output_max);
    if (!outcome) {
        return name;
    }
    std::string_view const line = base::split(outcome->output, '\n').front();
    constexpr std::string_view marker = "version ";
    std::size_t const at = line.find(marker);
    return at == std::string_view::npos ? name
                                        : base::concat(name, " ", line.substr(at + marker.size()));
}

// Removes the trial's container, and those of trials that were cut short.
void end_trials(std::string const& runtime, std::string const& bundle_dir) {
    std::string const state = base::concat(bundle_dir, "/state");
    for (std::string const& id : list_directory(state)) {
        // Why it cannot be deleted does not matter: it is a trial.
        static_cast<void>(
            run_program({runtime, "--root", state, "delete", "-f", id}, trial_timeout, output_max));
    }
}

base::Result<void> run_trial(std::string const& runtime, std::string const& bundle_dir,
                             std::string const& cgroup_parent) {
    end_trials(runtime, bundle_dir);
    TRY_VOID(remove_tree(bundle_dir));
    std::string const id = base::concat("trial-", getpid());
    std::string const root = base::concat(bundle_dir, "/rootfs");
    TRY_VOID(make_directories(root));
    {
        base::Descriptor const program =
            TRY(open_file(base::concat(root, "/init"), O_WRONLY | O_CREAT | O_TRUNC, 0755));
        TRY_VOID(write_all(program.get(), tiny_program()));
    }
    Bundle const bundle{.root_path = root,
                        .arguments = {"/init"},
                        .environment = {"PATH=/"},
                        .hostname = "trial",
                        .netns_path = {},
                        .cgroup_path = base::concat("/", cgroup_parent, "/", id)};
    TRY_VOID(replace_file(base::concat(bundle_dir, "/config.json"), bundle_config(bundle)));
    std::string const state = base::concat(bundle_dir, "/state");
    Outcome const outcome = TRY(run_program(
        {runtime, "--root", state, "run", "--bundle", bundle_dir, id}, trial_timeout, output_max));
    end_trials(runtime, bundle_dir);
    if (WIFEXITED(outcome.wait_status) && WEXITSTATUS(outcome.wait_status) == trial_exit_code) {
        return {};
    }
    return base::fail(base::concat(
        outcome.timed_out ? "took too long" : describe_wait_status(outcome.wait_status), ": ",
        base::trim(outcome.output)));
}

}  // namespace

RuntimeChoice choose_runtime(std::vector<std::string> const& names, std::string const& directory,
                             std::string const& cgroup_parent) {
    RuntimeChoice choice;
    for (std::string const& name : names) {
        std::string const path = find_program(name);
        if (path.empty()) {
            choice.findings.push_back(
                base::concat(name, ": not installed (apt install ", name, ")"));
            continue;
        }
        std::string const description = version_of(path, name);
        if (!choice.path.empty()) {
            choice.findings.push_back(base::concat(description, " (", path, "): not needed"));
            continue;
        }
        std::string const bundle =
            base::concat(directory, "/trial-", name.substr(name.rfind('/') + 1));
        base::Result<void> const tried = run_trial(path, bundle, cgroup_parent);
        static_cast<void>(remove_tree(bundle));
        if (tried) {
            choice.path = path;
            choice.description = description;
            choice.findings.push_back(base::concat(description, " (", path, "): works, used"));
        } else {
            choice.findings.push_back(base::concat(
                description, " (", path, "): a trial container failed: ", tried.error().message));
        }
    }
    return choice;
}

}  // namespace runtime
