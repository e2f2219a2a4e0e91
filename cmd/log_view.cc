#include "cmd/log_view.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace cmd {
namespace {

// A container that writes without line ends is shown in pieces of this size.
constexpr std::size_t line_max = 64 * 1024;
// The most of one log that one poll() reads: then the next log has its turn.
constexpr std::size_t poll_max = 16 * 1024 * 1024;
constexpr std::uint64_t tail_step = 64 * 1024;

std::vector<agent::InstanceReport> in_slot(std::vector<agent::InstanceReport> instances,
                                           std::uint32_t slot) {
    std::erase_if(instances, [slot](agent::InstanceReport const& one) { return one.slot != slot; });
    return instances;
}

}  // namespace

net::Answer<std::vector<LogView::Found>> LogView::find() const {
    if (target_.contains('.')) {  // not in names of services
        return std::vector{Found{target_, target_}};
    }
    std::size_t const slash = target_.rfind('/');
    auto const slot = slash == std::string::npos
                          ? std::nullopt
                          : base::parse_integer<std::uint32_t>(target_.substr(slash + 1));
    net::Answer<std::vector<agent::InstanceReport>> instances =
        slot ? source_.instances(target_.substr(0, slash)) : source_.instances(target_);
    if (slot && instances) {
        instances = in_slot(*std::move(instances), *slot);
    } else if (slot && !instances) {  // "2048" may be the name of a service as well
        instances = source_.instances(target_);
    }
    if (!instances) {
        return std::unexpected(std::move(instances).error());
    }
    std::vector<Found> found;
    for (agent::InstanceReport const& instance : *instances) {
        if (!instance.id.empty()) {
            found.push_back({instance.id, base::concat(instance.service, "/", instance.slot)});
        }
    }
    return found;
}

net::Answer<std::string> LogView::poll() {
    auto const found = find();
    if (!found) {
        return std::unexpected(found.error());
    }
    if (found->empty() && !shown_) {
        return std::unexpected(net::AdminError{
            net::AdminErrc::refused, base::concat("no container of ", target_, " has run yet")});
    }
    std::map<std::string, Cursor> previous = std::exchange(cursors_, {});
    several_ = several_ || found->size() > 1;
    std::string out;
    for (Found const& one : *found) {
        auto const known = previous.find(one.container);
        bool const first = known == previous.end();
        Cursor cursor = first ? Cursor{.label = one.label, .at = 0, .unfinished = {}}
                              : std::move(known->second);
        auto const text = first && tail_ && !shown_ ? read_tail(one.container, cursor)
                                                    : read_new(one.container, cursor);
        if (!text && !shown_ && found->size() == 1) {
            return std::unexpected(text.error());
        }
        if (text || !first) {
            cursors_.emplace(one.container, std::move(cursor));
        }
        out += text.value_or("");
    }
    shown_ = true;
    return out;
}

std::string LogView::rest() const {
    std::string out;
    for (auto const& [container, cursor] : cursors_) {
        if (!cursor.unfinished.empty()) {
            out += base::concat(prefix(cursor), cursor.unfinished, "\n");
        }
    }
    return out;
}

net::Answer<std::string> LogView::read_new(std::string const& container, Cursor& cursor) {
    std::string out;
    while (out.size() < poll_max) {
        auto const part = source_.read(container, cursor.at, false);
        if (!part) {
            return out.empty() ? std::unexpected(part.error()) : net::Answer<std::string>(out);
        }
        cursor.at = std::max(cursor.at, part->from + part->text.size());
        out += lines(cursor, part->text);
        if (part->text.empty() || cursor.at >= part->end) {
            break;
        }
    }
    return out;
}

// Reads back from the end until there are enough lines.
net::Answer<std::string> LogView::read_tail(std::string const& container, Cursor& cursor) {
    auto const wanted = static_cast<std::ptrdiff_t>(*tail_);
    auto const last = source_.read(container, tail_step, true);
    if (!last) {
        return std::unexpected(last.error());
    }
    std::string text = last->text;
    std::uint64_t start = last->from;
    cursor.at = last->from + last->text.size();
    // A line end at the very end does not begin a line, so one more of them is needed.
    while (start > 0 && std::ranges::count(text, '\n') <= wanted && text.size() < poll_max) {
        std::uint64_t const from = start > tail_step ? start - tail_step : 0;
        auto const part = source_.read(container, from, false);
        if (!part || part->from >= start || part->from + part->text.size() < start) {
            break;  // the log no longer goes back that far
        }
        text.insert(0, part->text.substr(0, static_cast<std::size_t>(start - part->from)));
        start = part->from;
    }
    std::size_t begin = text.ends_with('\n') ? text.size() - 1 : text.size();
    std::size_t cut = text.size();
    for (std::ptrdiff_t line = 0; line < wanted && cut > 0; ++line) {
        std::size_t const end = begin == 0 ? std::string::npos : text.rfind('\n', begin - 1);
        cut = end == std::string::npos ? 0 : end + 1;
        begin = cut == 0 ? 0 : cut - 1;
    }
    return lines(cursor, std::string_view(text).substr(cut));
}

std::string LogView::lines(Cursor& cursor, std::string_view text) const {
    cursor.unfinished += text;
    std::string out;
    std::string_view rest = cursor.unfinished;
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        out += prefix(cursor);
        out += rest.substr(0, end + 1);
        rest.remove_prefix(end + 1);
    }
    if (rest.size() > line_max) {
        out += base::concat(prefix(cursor), rest, "\n");
        rest = {};
    }
    cursor.unfinished = std::string(rest);
    return out;
}

std::string LogView::prefix(Cursor const& cursor) const {
    return several_ ? base::concat(cursor.label, " | ") : std::string();
}

}  // namespace cmd
