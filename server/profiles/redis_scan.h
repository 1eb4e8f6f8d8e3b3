// All profiles of one Redis server, for tools and tests.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "core/profile/profile.h"
#include "server/redis/client.h"

namespace kindred {

// Calls `visit` with every sound profile under `key_prefix`, some possibly twice; ends early when that returns false,
// or `go_on`, which is asked before every command and every 10 ms while a reply is waited for. Blocks: never on the
// client's thread. UNAVAILABLE when Redis does not answer, or its SCAN does not come to an end.
absl::Status ScanProfiles(redis::Client* client, const std::string& key_prefix, const std::function<bool()>& go_on,
                          const std::function<bool(Profile&)>& visit);

}  // namespace kindred
