#include "core/base/checksum.h"

// The state of a stream is only complete so.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "absl/strings/str_format.h"

namespace kindred {

uint64_t Xxh3(std::span<const std::byte> bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

struct Xxh3Stream::State {
  XXH3_state_t xxh;
};

Xxh3Stream::Xxh3Stream() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->xxh); }

Xxh3Stream::~Xxh3Stream() = default;

void Xxh3Stream::Update(std::span<const std::byte> bytes) {
  XXH3_64bits_update(&state_->xxh, bytes.data(), bytes.size());
}

uint64_t Xxh3Stream::Finish() const { return XXH3_64bits_digest(&state_->xxh); }

std::string Xxh3Hex(std::span<const std::byte> bytes) { return Xxh3Hex(Xxh3(bytes)); }

std::string Xxh3Hex(uint64_t checksum) { return absl::StrFormat("%016x", checksum); }

std::string Xxh128Hex(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return absl::StrFormat("%016x%016x", hash.high64, hash.low64);
}

}  // namespace kindred
