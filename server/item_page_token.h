// Page tokens of lists of item ids: the last id of the page before. Opaque to callers and untrusted when they come
// back. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace kindred {

// Base64url (RFC 4648 §5, without padding) of a format byte, the id and a checksum: at most 1,378 characters.
std::string EncodeItemPageToken(std::string_view last_id);

// INVALID_ARGUMENT, saying what is wrong, for anything that EncodeItemPageToken did not give.
absl::StatusOr<std::string> DecodeItemPageToken(std::string_view text);

}  // namespace kindred
