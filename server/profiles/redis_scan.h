// All profiles of one Redis server, for tools and tests.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "core/profile/profile.h"
#include "server/redis/client.h"

namespace kindred {

// Steps of SCAN over a table of two thousand million keys. More are no Redis, but something whose cursor goes round in
// circles.
inline constexpr uint32_t kMostScanSteps = 10'000'000;

// Calls `visit` with every sound profile under `key_prefix`, some possibly twice; ends early when that returns false,
// or `go_on`, which is asked before every command and every 10 ms while a reply is waited for. Blocks: never on the
// client's thread. UNAVAILABLE when Redis does not answer, or its SCAN does not come to an end in `most_steps`.
absl::Status ScanProfiles(redis::Client* client, const std::string& key_prefix, const std::function<bool()>& go_on,
                          const std::function<bool(Profile&)>& visit, uint32_t most_steps = kMostScanSteps);

}  // namespace kindred
