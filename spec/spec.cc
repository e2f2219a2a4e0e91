#include "spec/spec.h"

#include "base/hash.h"
#include "base/text.h"

namespace spec {

std::string service_key(ServiceSpec const& spec) {
    return base::concat(spec.project, '/', spec.name);
}

std::string revision(ServiceSpec const& spec) {
    ServiceSpec container = spec;
    container.replicas = 1;
    container.mode = Mode::replicated;
    container.constraints.clear();
    container.deploy = {};
    container.extension = {};
    base::ByteWriter digits;
    digits.u64(base::stable_hash(base::ByteView(encode(container))));
    return base::hex(digits.view());
}

}  // namespace spec
