// What a RedisClient counts. Counting is done by the client's thread alone, without locks; any thread may read, and
// figures that are read while commands run may be one apart from one another.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/redis/circuit_breaker.h"
#include "server/redis/failure.h"
#include "server/rpc/call_stats.h"

namespace kindred::redis {

// Upper bounds of the latency buckets, seconds; one more bucket is unbounded.
inline constexpr std::array<double, 14> kLatencyBounds = {.00005, .0001, .00025, .0005, .001, .002, .003,
                                                          .005,   .01,   .025,   .05,   .1,   .25,  1};

// "closed", "half_open", "open".
std::string_view BreakerStateName(BreakerState state);
inline constexpr size_t kBreakerStates = 3;

// One node. Made by NodeRegistry, which keeps it as long as the client.
struct NodeCounters {
  using Counter = rpc::SingleWriterCounter;

  explicit NodeCounters(std::string_view node, bool is_sentinel) : endpoint(node), sentinel(is_sentinel) {}

  const std::string endpoint;
  const bool sentinel;
  std::atomic<bool> known{true};  // false: gone from the cluster, or no longer the master
  std::atomic<BreakerState> breaker{BreakerState::kClosed};
  std::array<Counter, kBreakerStates> transitions;  // into each state
  Counter connection_attempts;
  std::array<Counter, kFailures> connection_failures;  // attempts that came to nothing, by why
  Counter connections_lost;                            // of those that were ready, whoever closed them
  Counter connections_late;                            // of those lost: closed because replies were too late
  Counter protocol_errors;                             // of those lost or failed: closed because of what was sent
  std::atomic<uint32_t> connections{0};                // ready ones
  std::atomic<uint32_t> in_flight{0};                  // commands sent and not replied to
  std::array<Counter, kFailures>
      operations;  // by how they ended; redirected and repeated ones at the node where they did
  std::array<Counter, kLatencyBounds.size() + 1> latency;  // of replies, per bucket, not cumulative
  Counter latency_ns;
  Counter redirections;  // MOVED and ASK that were followed
  Counter retries;       // commands sent again after a lost connection or TRYAGAIN
  Counter late_replies;  // dropped: their commands had timed out

  void ObserveLatency(uint64_t elapsed_ns);
};

// What /metrics shows of a node.
struct NodeStats {
  std::string endpoint;
  bool sentinel = false;
  bool known = true;
  BreakerState breaker = BreakerState::kClosed;
  std::array<uint64_t, kBreakerStates> transitions{};
  uint64_t connection_attempts = 0, connections_lost = 0, connections_late = 0;
  std::array<uint64_t, kFailures> connection_failures{};
  uint64_t protocol_errors = 0;
  uint32_t connections = 0, in_flight = 0;
  std::array<uint64_t, kFailures> operations{};
  std::array<uint64_t, kLatencyBounds.size() + 1> latency{};
  uint64_t latency_count = 0;
  double latency_seconds = 0;
  uint64_t redirections = 0, retries = 0, late_replies = 0;
};

struct ClientStats {
  std::vector<NodeStats> nodes;
  // Commands that ended before a node was chosen, by how: saturated, no master known, ….
  std::array<uint64_t, kFailures> unrouted{};
  uint64_t topology_refreshes = 0;  // CLUSTER SLOTS and SENTINEL get-master-addr-by-name that were answered
  uint64_t new_servers = 0;         // calls of the callback of set_on_new_server
};

// The counters of all nodes there ever were, by endpoint. Thread-safe; the lock is for whoever adds or reads.
class NodeRegistry {
 public:
  // The node's counters; a node that comes back goes on counting where it stopped.
  std::shared_ptr<NodeCounters> Add(std::string_view endpoint, bool sentinel);
  std::vector<NodeStats> Read() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<NodeCounters>, std::less<>> nodes_;  // guarded by mutex_
};

}  // namespace kindred::redis
