// Finds out that Redis was emptied without a restart (FLUSHALL, FLUSHDB): sets a few keys of this server again and
// again, and says when one that was there is gone. Thread-safe. `client` and what `emptied` uses must outlive the
// replies.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/redis/client.h"

namespace kindred {

class Canary {
 public:
  // The keys are `key_prefix`, "~alive~", `server_id` and, so that they are spread over a cluster, "{0}", "{1}", …
  // `expected`: they should be there already. `emptied` is called on the client's thread and must not block.
  Canary(redis::Client* client, const std::string& key_prefix, const std::string& server_id, uint32_t keys,
         std::chrono::milliseconds ttl, bool expected, std::function<void()> emptied);

  // Sends a look at every key.
  void Look(std::chrono::steady_clock::time_point deadline);
  // Another server: nothing is expected of it.
  void Forget();

 private:
  struct State;
  redis::Client* const client_;
  const std::string ttl_ms_;
  std::vector<std::string> keys_;
  std::shared_ptr<State> state_;  // lives as long as a reply may come
};

}  // namespace kindred
