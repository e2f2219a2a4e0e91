#include "runtime/network/nat.h"

#include <cerrno>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/text.h"
#include "runtime/network/netlink.h"

namespace runtime {

namespace {

using netlink::Request;

constexpr char chain_name[] = "postrouting";
constexpr std::uint32_t priority_srcnat = 100;
// Where an IPv4 header has its addresses.
constexpr std::uint32_t source_offset = 12;
constexpr std::uint32_t destination_offset = 16;

std::string table_of(std::string const& bridge) {
    return "covey_" + bridge;
}

Request nft_request(int message, std::uint16_t flags) {
    Request request(static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message),
                    static_cast<std::uint16_t>(NLM_F_REQUEST | flags));
    request.header(nfgenmsg{.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0, .res_id = 0});
    return request;
}

Request table_request(std::string const& table, int message, std::uint16_t flags) {
    Request request = nft_request(message, flags);
    request.put_text(NFTA_TABLE_NAME, table);
    return request;
}

Request chain_request(std::string const& table) {
    Request request = nft_request(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    request.put_text(NFTA_CHAIN_TABLE, table);
    request.put_text(NFTA_CHAIN_NAME, chain_name);
    request.put_text(NFTA_CHAIN_TYPE, "nat");
    std::size_t const hook = request.open(NFTA_CHAIN_HOOK);
    request.put_be32(NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING);
    request.put_be32(NFTA_HOOK_PRIORITY, priority_srcnat);
    request.close(hook);
    return request;
}

void put_expression(Request& request, char const* name, std::function<void()> const& fill) {
    std::size_t const element = request.open(NFTA_LIST_ELEM);
    request.put_text(NFTA_EXPR_NAME, name);
    std::size_t const data = request.open(NFTA_EXPR_DATA);
    fill();
    request.close(data);
    request.close(element);
}

void put_value(Request& request, std::uint16_t type, std::uint32_t value) {
    std::size_t const nested = request.open(type);
    request.put_be32(NFTA_DATA_VALUE, value);
    request.close(nested);
}

// Goes on with the rule when the address at `offset`, cut to the network's length, is `op` to it.
void put_address_match(Request& request, std::uint32_t offset, nft_cmp_ops op, base::Prefix net) {
    put_expression(request, "payload", [&] {
        request.put_be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
        request.put_be32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
        request.put_be32(NFTA_PAYLOAD_OFFSET, offset);
        request.put_be32(NFTA_PAYLOAD_LEN, 4);
    });
    put_expression(request, "bitwise", [&] {
        request.put_be32(NFTA_BITWISE_SREG, NFT_REG_1);
        request.put_be32(NFTA_BITWISE_DREG, NFT_REG_1);
        request.put_be32(NFTA_BITWISE_LEN, 4);
        std::uint64_t const mask = 0xffffffff00000000U >> net.length;
        put_value(request, NFTA_BITWISE_MASK, static_cast<std::uint32_t>(mask));
        put_value(request, NFTA_BITWISE_XOR, 0);
    });
    put_expression(request, "cmp", [&] {
        request.put_be32(NFTA_CMP_SREG, NFT_REG_1);
        request.put_be32(NFTA_CMP_OP, op);
        put_value(request, NFTA_CMP_DATA, net.address);
    });
}

Request rule_request(std::string const& table, base::Prefix fleet) {
    Request request = nft_request(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);
    request.put_text(NFTA_RULE_TABLE, table);
    request.put_text(NFTA_RULE_CHAIN, chain_name);
    std::size_t const expressions = request.open(NFTA_RULE_EXPRESSIONS);
    put_address_match(request, source_offset, NFT_CMP_EQ, fleet);
    put_address_match(request, destination_offset, NFT_CMP_NEQ, fleet);
    put_expression(request, "masq", [] {});
    request.close(expressions);
    return request;
}

base::Result<netlink::Errno> commit(std::vector<Request> requests) {
    auto socket = TRY(netlink::Socket::open(NETLINK_NETFILTER));
    return socket.batch(NFNL_SUBSYS_NFTABLES, requests);
}

}  // namespace

base::Result<void> set_masquerade(std::string const& bridge, base::Prefix fleet) {
    std::string const table = table_of(bridge);
    // Created first so that deleting it cannot fail; all of it is one transaction.
    std::vector<Request> requests;
    requests.push_back(table_request(table, NFT_MSG_NEWTABLE, NLM_F_CREATE));
    requests.push_back(table_request(table, NFT_MSG_DELTABLE, 0));
    requests.push_back(table_request(table, NFT_MSG_NEWTABLE, NLM_F_CREATE));
    requests.push_back(chain_request(table));
    requests.push_back(rule_request(table, fleet));
    netlink::Errno const error = TRY(commit(std::move(requests)));
    if (error == EOPNOTSUPP || error == ENOENT) {
        return base::fail("set the source NAT rule: this kernel has no nf_tables with NAT");
    }
    if (error != 0) {
        return base::fail_errno(error, "set the source NAT rule");
    }
    return {};
}

base::Result<void> remove_masquerade(std::string const& bridge) {
    std::string const table = table_of(bridge);
    std::vector<Request> requests;
    requests.push_back(table_request(table, NFT_MSG_NEWTABLE, NLM_F_CREATE));
    requests.push_back(table_request(table, NFT_MSG_DELTABLE, NLM_F_ACK));
    netlink::Errno const error = TRY(commit(std::move(requests)));
    if (error != 0 && error != EOPNOTSUPP) {
        return base::fail_errno(error, "remove the source NAT table");
    }
    return {};
}

}  // namespace runtime
