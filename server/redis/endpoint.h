// Where a node listens. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kindred::redis {

struct Endpoint {
  std::string host;  // a name or an address, IPv6 without brackets
  uint16_t port = 0;

  // "host:port", "[::1]:6379".
  std::string ToString() const;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Of "host:port" as operators write it, or as Redis does in "-MOVED 3999 ::1:6381": the last colon counts.
// INVALID_ARGUMENT where host or port is missing.
absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text);

// The same, and an empty host means `asked`, the one who said it, as Redis puts it.
absl::StatusOr<Endpoint> ParseRedirection(std::string_view text, const Endpoint& asked);

}  // namespace kindred::redis
