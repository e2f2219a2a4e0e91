#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace net {

// `text` with '?' for every byte that is not part of UTF-8 (RFC 3629): JSON carries nothing else.
[[nodiscard]] std::string valid_utf8(std::string_view text);

// RFC 4648, section 4, with padding.
[[nodiscard]] std::string base64(base::ByteView bytes);
[[nodiscard]] std::optional<base::Bytes> unbase64(std::string_view text);

}  // namespace net
