#include "core/bundle/store_layout.h"

#include <charconv>

namespace kindred {

std::optional<uint64_t> VersionOfFolder(std::string_view name) {
  uint64_t version = 0;
  if (name.empty() || (name.size() > 1 && name[0] == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return version;
}

}  // namespace kindred
