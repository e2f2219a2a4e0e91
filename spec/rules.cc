#include "spec/rules.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/spec.h"

namespace spec {

namespace {

bool letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool only(std::string_view text, std::string_view others) {
    return std::ranges::all_of(
        text, [others](char c) { return letter_or_digit(c) || others.contains(c); });
}

}  // namespace

bool valid_text(std::string_view text) {
    return text.size() <= text_max && !text.contains('\0');
}

bool valid_image(std::string_view image) {
    return !image.empty() && image.size() <= image_max && only(image, "._-/:@");
}

bool valid_variable(std::string_view name) {
    return !name.empty() && valid_text(name) && !name.contains('=');
}

bool valid_container_path(std::string_view path) {
    if (path.size() < 2 || !path.starts_with('/')) {
        return false;
    }
    return std::ranges::none_of(base::split(path.substr(1), '/'), [](std::string_view part) {
        return part.empty() || part == "." || part == "..";
    });
}

bool valid_attribute(std::string_view left) {
    static constexpr std::array<std::string_view, 5> plain{
        "node.id", "node.hostname", "node.role", "node.platform.os", "node.platform.arch"};
    static constexpr std::string_view labels = "node.labels.";
    return std::ranges::find(plain, left) != plain.end() ||
           (left.starts_with(labels) && left.size() > labels.size() && left.size() <= text_max &&
            only(left.substr(labels.size()), "._-/"));
}

bool valid_name(std::string_view name) {
    auto const allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, allowed) &&
           name.front() != '_' && name.front() != '-';
}

}  // namespace spec
