#include "server/redis/endpoint.h"

#include <charconv>

#include "absl/status/status.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred::redis {
namespace {

constexpr size_t kMaxHostBytes = 255;

absl::StatusOr<Endpoint> Split(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return absl::InvalidArgumentError(StrCat("'", text, "' has no port; write host:port"));
  }
  Endpoint endpoint;
  const std::string_view port = text.substr(colon + 1);
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (problem != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
    return absl::InvalidArgumentError(StrCat("'", text, "' has '", port, "' for a port; it must be 1 to 65535"));
  }
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.size() > kMaxHostBytes) {
    return absl::InvalidArgumentError(StrCat("a host name of ", host.size(), " bytes; at most ", kMaxHostBytes));
  }
  endpoint.host = host;
  return endpoint;
}

}  // namespace

std::string Endpoint::ToString() const {
  if (host.find(':') != std::string::npos) return StrCat("[", host, "]:", port);
  return StrCat(host, ":", port);
}

absl::StatusOr<Endpoint> ParseEndpoint(std::string_view text) {
  ASSIGN_OR_RETURN(Endpoint endpoint, Split(text));
  if (endpoint.host.empty()) {
    return absl::InvalidArgumentError(StrCat("'", text, "' has no host; write host:port"));
  }
  return endpoint;
}

absl::StatusOr<Endpoint> ParseRedirection(std::string_view text, const Endpoint& asked) {
  ASSIGN_OR_RETURN(Endpoint endpoint, Split(text));
  if (endpoint.host.empty()) endpoint.host = asked.host;
  return endpoint;
}

}  // namespace kindred::redis
