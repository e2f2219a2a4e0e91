#include "spec/compose/inputs.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose/paths.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

// Whether the name of a variable says that its value is not for everybody.
bool names_secret(std::string_view name) {
    static constexpr std::array<std::string_view, 5> words{"password", "passwd", "secret", "token",
                                                           "credential"};
    std::string const lower = base::lower(name);
    return lower.ends_with("_key") || lower.ends_with("_pass") ||
           std::ranges::any_of(words, [&](auto word) { return lower.contains(word); });
}

}  // namespace

Inputs::Read Inputs::read_given(std::string const& path) {
    if (!files_.contains(path) && files_.size() == inputs_max) {
        return std::unexpected(SourceProblem{
            false, base::concat("is one too many: expected at most ", inputs_max, " files")});
    }
    auto [found, added] = files_.try_emplace(path);
    if (added) {
        found->second = source_(path);
        bytes_ += found->second ? found->second->text.size() : 0;
        if (bytes_ > inputs_bytes_max) {
            found->second = std::unexpected(
                SourceProblem{false, base::concat("is too much: expected at most ",
                                                  inputs_bytes_max, " bytes in all files")});
        }
    }
    if (!found->second) {
        return std::unexpected(found->second.error());
    }
    return &*found->second;
}

Inputs::Read Inputs::read(std::string_view path) {
    if (is_remote(path)) {
        return std::unexpected(
            SourceProblem{false, "is elsewhere: no file is fetched; put a copy beside this file"});
    }
    return read_given(full_path(path));
}

std::string Inputs::full_path(std::string_view path) const {
    return join(folder_, path);
}

std::vector<std::string> Inputs::paths() const {
    std::vector<std::string> paths;
    for (auto const& [path, file] : files_) {
        paths.push_back(path);
    }
    return paths;
}

void EnvFiles::tell(Severity severity, EnvFile const& file, int line, std::string message) {
    std::string const path = file.given ? file.path : inputs_.full_path(file.path);
    if (line != 0 || file.named == nullptr) {
        report_.add({severity, printable(path), line, line == 0 ? 0 : 1, {}, std::move(message)});
    } else {
        report_.add_at(severity, *file.named, file.key, base::concat(quote(path), ' ', message));
    }
}

void EnvFiles::read(EnvFile const& file, Lookup const& outer, Variables& into) {
    Inputs::Read const read = file.given ? inputs_.read_given(file.path) : inputs_.read(file.path);
    if (!read) {
        if (!read.error().absent || file.required) {
            tell(Severity::error, file, 0, read.error().reason);
        }
        return;
    }
    bytes_ += (*read)->text.size();
    if (bytes_ > bytes_max) {
        tell(Severity::error, file, 0,
             base::concat("is too much: expected env files of at most ", bytes_max,
                          " bytes, counted for each service that reads them"));
        return;
    }
    Variables values = into;
    if (auto const problem = read_dotenv((*read)->text, file.format, outer, values)) {
        tell(Severity::error, file, problem->line, problem->message);
        return;
    }
    auto const secret = std::ranges::find_if(values, [&](auto const& each) {
        return names_secret(each.first) && !into.contains(each.first);
    });
    if ((*read)->others_may_read && secret != values.end() && warned_.insert(file.path).second) {
        EnvFile unplaced = file;
        unplaced.named = nullptr;
        tell(Severity::warning, unplaced, 0,
             base::concat("others may read this file, and ", printable(secret->first),
                          " seems to be a secret; chmod o-r takes it from them"));
    }
    into = std::move(values);
}

}  // namespace spec
