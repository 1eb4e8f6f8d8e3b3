#include "core/base/checksum.h"

#include <xxhash.h>

#include "absl/strings/str_format.h"

namespace kindred {

uint64_t Xxh3(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string Xxh3Hex(std::span<const std::byte> bytes) { return absl::StrFormat("%016x", Xxh3(bytes)); }

std::string Xxh128Hex(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return absl::StrFormat("%016x%016x", hash.high64, hash.low64);
}

}  // namespace kindred
