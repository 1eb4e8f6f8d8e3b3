// All profiles of one Redis server, for tools and tests.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "core/profile/profile.h"
#include "server/redis/client.h"

namespace kindred {

// Calls `visit` with every sound profile under `key_prefix`, some possibly twice; ends early when that returns false.
// Blocks: never on the client's thread. UNAVAILABLE when Redis does not answer.
absl::Status ScanProfiles(redis::Client* client, const std::string& key_prefix,
                          const std::function<bool(Profile&)>& visit);

}  // namespace kindred
