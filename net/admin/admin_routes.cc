#include "net/admin/admin_routes.h"

#include <array>
#include <optional>
#include <utility>

#include "base/text.h"
#include "net/admin/admin_json.h"

namespace net {
namespace {

using Respond = std::function<void(AdminReply)>;

constexpr unsigned status_ok = 200;
constexpr unsigned status_bad_request = 400;
constexpr unsigned status_not_found = 404;
constexpr unsigned status_refused = 409;

AdminReply problem(unsigned status, std::string text) {
    return {status, to_json(ErrorReply{std::move(text)})};
}

template <class Body>
AdminReply ok(Body const& body) {
    return {status_ok, to_json(body)};
}

template <class Body>
AdminReply reply_of(agent::Outcome<Body> const& outcome) {
    return outcome ? ok(*outcome) : problem(status_refused, outcome.error().text);
}

template <class Body>
Done<Body> replying(Respond respond) {
    return [respond = std::move(respond)](agent::Outcome<Body> const& outcome) {
        respond(reply_of(outcome));
    };
}

// Calls `use` with the decoded body, or answers that it is not one.
template <class Body, class Use>
void with_body(AdminRequest const& request, Respond const& respond, Use use) {
    base::Result<Body> body = from_json<Body>(request.body);
    if (!body) {
        respond(problem(status_bad_request, body.error().message));
        return;
    }
    use(*std::move(body));
}

// GET /v1/logs/TARGET?from=N: bytes from N on; ?tail=N: the last N bytes.
void read_log(AdminPort& port, std::string_view rest, Respond respond) {
    std::size_t const mark = rest.find('?');
    std::string_view const target = rest.substr(0, mark);
    std::uint64_t from = 0;
    bool from_end = false;
    if (mark != std::string_view::npos) {
        std::string_view const query = rest.substr(mark + 1);
        from_end = query.starts_with("tail=");
        auto const number = base::parse_integer<std::uint64_t>(query.substr(query.find('=') + 1));
        if (!number || !(from_end || query.starts_with("from="))) {
            respond(problem(status_bad_request, "expected ?from=N or ?tail=N"));
            return;
        }
        from = *number;
    }
    port.read_log(
        target, from, from_end, [respond = std::move(respond)](agent::LogReply const& reply) {
            respond(reply.part ? ok(*reply.part) : problem(status_refused, reply.problem));
        });
}

void get(AdminPort& port, std::string_view target, Respond respond) {
    constexpr std::string_view instances = "/v1/instances";
    constexpr std::string_view logs = "/v1/logs/";
    if (target == "/v1/info") {
        respond(ok(port.info()));
    } else if (target == "/v1/status") {
        respond(ok(port.status()));
    } else if (target == "/v1/nodes") {
        respond(ok(port.nodes()));
    } else if (target == "/v1/services") {
        respond(ok(port.services()));
    } else if (target == "/v1/conflicts") {
        respond(ok(port.conflicts()));
    } else if (target == "/v1/specs") {
        respond(ok(port.specs()));
    } else if (target == "/v1/images") {
        respond(ok(port.images()));
    } else if (target == "/v1/doctor") {
        respond(ok(port.doctor()));
    } else if (target == instances) {
        respond(reply_of(port.instances("")));
    } else if (target.starts_with(base::concat(instances, "/"))) {
        respond(reply_of(port.instances(target.substr(instances.size() + 1))));
    } else if (target.starts_with(logs)) {
        read_log(port, target.substr(logs.size()), std::move(respond));
    } else {
        respond(problem(status_not_found, base::concat("no such path: GET ", target)));
    }
}

void post(AdminPort& port, AdminRequest const& request, Respond respond) {
    std::string_view const target = request.target;
    if (target == "/v1/apply") {
        with_body<ApplyRequest>(request, respond, [&](ApplyRequest body) {
            port.apply(std::move(body.services), body.terms, replying<ChangeReport>(respond));
        });
    } else if (target == "/v1/preview") {
        with_body<ApplyRequest>(request, respond, [&](ApplyRequest const& body) {
            respond(ok(port.preview(body.services)));
        });
    } else if (target == "/v1/remove") {
        with_body<RemoveRequest>(request, respond, [&](RemoveRequest const& body) {
            port.remove(body.service, body.terms, replying<ChangeReport>(respond));
        });
    } else if (target == "/v1/scale") {
        with_body<ScaleRequest>(request, respond, [&](ScaleRequest const& body) {
            port.scale(body.service, body.replicas, body.terms, replying<ChangeReport>(respond));
        });
    } else if (target == "/v1/evict") {
        with_body<EvictRequest>(request, respond, [&](EvictRequest const& body) {
            port.evict(body.host, body.undo, body.terms, replying<ChangeReport>(respond));
        });
    } else if (target == "/v1/conflicts") {
        with_body<ConflictRequest>(request, respond, [&](ConflictRequest const& body) {
            port.settle_conflict(body.id, body.how, body.terms, replying<ChangeReport>(respond));
        });
    } else if (target == "/v1/tokens") {
        with_body<TokenRequest>(request, respond, [&](TokenRequest const& body) {
            port.create_token(body.ttl_seconds, body.uses, [respond](auto const& token) {
                respond(token ? ok(TokenReply{*token})
                              : problem(status_refused, token.error().text));
            });
        });
    } else if (target == "/v1/images/load") {
        with_body<LoadRequest>(request, respond, [&](LoadRequest const& body) {
            port.load_image(body.path, replying<std::vector<std::string>>(respond));
        });
    } else if (target == "/v1/reload") {
        respond(reply_of(port.reload()));
    } else if (target == "/v1/leave") {
        port.leave([respond](agent::Outcome<void> const& left) {
            respond(left ? ok(EmptyReply{}) : problem(status_refused, left.error().text));
        });
    } else {
        respond(problem(status_not_found, base::concat("no such path: POST ", target)));
    }
}

}  // namespace

void answer_admin(AdminPort& port, AdminRequest const& request, Respond respond) {
    switch (request.verb) {
        case AdminVerb::get:
            get(port, request.target, std::move(respond));
            return;
        case AdminVerb::post:
            post(port, request, std::move(respond));
            return;
        case AdminVerb::other:
            respond(problem(status_bad_request, "expected GET or POST"));
            return;
    }
}

}  // namespace net
