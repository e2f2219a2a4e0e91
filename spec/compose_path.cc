#include "spec/compose_path.h"

#include <vector>

#include "base/text.h"
#include "spec/compose_text.h"
#include "spec/rules.h"

namespace spec {

std::string clean_path(std::string_view path) {
    bool const absolute = path.starts_with('/');
    std::vector<std::string_view> parts;
    for (std::string_view const part : base::split(path, '/')) {
        if (part.empty() || part == ".") {
            continue;
        }
        if (part == ".." && !parts.empty() && parts.back() != "..") {
            parts.pop_back();
        } else if (part != ".." || !absolute) {
            parts.push_back(part);
        }
    }
    std::string clean = absolute ? "/" : "";
    for (std::string_view const part : parts) {
        clean += base::concat(clean.empty() || clean == "/" ? "" : "/", part);
    }
    return clean.empty() ? "." : clean;
}

std::string host_path(Report& report, Field const& field, std::string_view path,
                      std::string_view folder) {
    if (path == "~" || path.starts_with("~/")) {
        report.warning(field, base::concat("not supported on a fleet: nobody's home; ", quote(path),
                                           " is below /root, the home of the agent"));
        return clean_path(base::concat("/root/", path.substr(1)));
    }
    std::string clean =
        clean_path(path.starts_with('/') ? std::string(path) : base::concat(folder, '/', path));
    if (path.empty() || !clean.starts_with('/') || !valid_text(clean)) {
        report.expected(field,
                        "an absolute path, or a file in a folder that it can be relative to");
        return {};
    }
    return clean;
}

}  // namespace spec
