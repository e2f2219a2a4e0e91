#include "runtime/oci/name_files.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace runtime {
namespace {

constexpr std::string_view gateway_name = "host-gateway";

// A word of a line: anything else would begin another one.
base::Result<void> check_word(std::string_view what, std::string_view word) {
    bool const valid = !word.empty() && std::ranges::all_of(word, [](unsigned char c) {
        return std::isgraph(c) != 0 && c != '#' && c != ';';
    });
    if (!valid) {
        return base::fail(base::concat(what, " '", word, "' is not one word"));
    }
    return {};
}

base::Result<std::string> address_of(std::string_view name, std::string const& text,
                                     Attachment const& attachment) {
    if (text == gateway_name) {
        if (attachment.gateway.is_unspecified()) {
            return base::fail(
                base::concat("extra_hosts ", name, ": there is no host-gateway without network"));
        }
        return to_string(attachment.gateway);
    }
    if (!base::parse_ip(text)) {
        return base::fail(base::concat("extra_hosts ", name, ": '", text, "' is no address"));
    }
    return text;
}

}  // namespace

base::Result<std::string> resolver_configuration(Networking const& networking,
                                                 Attachment const& attachment) {
    std::string text;
    for (std::string const& server : networking.nameservers) {
        if (!base::parse_ip(server)) {
            return base::fail(base::concat("dns '", server, "' is no address"));
        }
        text += base::concat("nameserver ", server, "\n");
    }
    if (networking.nameservers.empty() && !attachment.gateway.is_unspecified()) {
        text = base::concat("nameserver ", to_string(attachment.gateway), "\n");
    }
    if (!networking.search_domains.empty()) {
        text += "search";
        for (std::string const& domain : networking.search_domains) {
            TRY_VOID(check_word("dns_search", domain));
            text += base::concat(" ", domain);
        }
        text += '\n';
    }
    text += "options ndots:1 timeout:1";
    // A resolver takes the last of two that contradict.
    for (std::string const& option : networking.resolver_options) {
        TRY_VOID(check_word("dns_opt", option));
        text += base::concat(" ", option);
    }
    return text + "\n";
}

base::Result<std::string> hosts_text(Networking const& networking, std::string_view hostname,
                                     Attachment const& attachment, std::string_view host_text) {
    std::string text = host_text.empty() ? "127.0.0.1 localhost\n::1 localhost\n"
                                         : base::concat(base::trim(host_text), "\n");
    if (networking.mode != NetworkMode::host) {
        bool const reachable = !attachment.address.is_unspecified();
        text += reachable ? to_string(attachment.address) : std::string("127.0.0.1");
        if (!networking.domain_name.empty()) {
            TRY_VOID(check_word("domainname", networking.domain_name));
            text += base::concat(" ", hostname, ".", networking.domain_name);
        }
        text += base::concat(" ", hostname);
        if (!networking.alias.empty() && networking.alias != hostname) {
            TRY_VOID(check_word("container_name", networking.alias));
            text += base::concat(" ", networking.alias);
        }
        text += '\n';
    }
    for (auto const& [name, addresses] : networking.extra_hosts) {
        TRY_VOID(check_word("extra_hosts", name));
        for (std::string const& address : addresses) {
            text += base::concat(TRY(address_of(name, address, attachment)), " ", name, "\n");
        }
    }
    return text;
}

}  // namespace runtime
