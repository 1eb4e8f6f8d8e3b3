// Page tokens: where a list stopped, and of what it is a list. Opaque to callers and untrusted when they come back.
// Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/topk/topk_scan.h"

namespace kindred {

struct PageToken {
  uint64_t generation = 0;       // XXH3 of the bundle's digest
  uint64_t request = 0;          // XXH3 of the request, its page fields left out
  uint64_t profile_version = 0;  // of the subject
  uint32_t offset = 0;           // items on the pages so far
  bool by_score = false;         // the list goes by score alone: `last` says where it stopped
  ScoredItem last{};
};

// Base64url (RFC 4648 §5, without padding) of the fields and a checksum: 64 characters.
std::string EncodePageToken(const PageToken& token);

// INVALID_ARGUMENT, saying what is wrong, for anything that EncodePageToken did not give.
absl::StatusOr<PageToken> DecodePageToken(std::string_view text);

}  // namespace kindred
