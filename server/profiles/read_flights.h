// Reads of Redis under way, at most one or two a user: who asks for a user whose read is under way waits for that one.
// Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/profile_store.h"
#include "server/profiles/near_cache.h"
#include "server/redis/client.h"

namespace kindred {

// Who waits for a read.
struct ReadWaiter {
  FetchedProfile* out = nullptr;
  std::function<void()> done;
  uint64_t min_version = 0;
  std::chrono::steady_clock::time_point call_deadline;
  // It waited once already, for a read that may have begun before it came.
  bool again = false;
};

struct ReadFlight {
  // Who has the reply when both the sender and the client's thread are there.
  enum class Turn : uint8_t { kSending, kWaiting, kReplied };

  std::string user_id;
  std::chrono::steady_clock::time_point deadline;
  std::atomic<Turn> turn{Turn::kSending};
  // Set before it is sent:
  SharedProfile known;     // what this server has committed, to be merged with what Redis has; null: nothing
  SharedProfile fallback;  // the last that is known, when Redis cannot be read; null: nothing
  bool pinned = false;     // `known` waits for Redis already
  redis::Reply reply;      // set before `turn` becomes kReplied
  ReadWaiter first;        // who began it; out is null when nobody waits (a refresh)

 private:
  friend class ReadFlights;
  bool short_one = false;           // began beside a longer one
  std::vector<ReadWaiter> waiters;  // guarded by the shard's mutex, until Finish
};

class ReadFlights {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Joined : uint8_t { kStarted, kWaits, kTooLate };

  // Joins the read of `user_id` that is under way when it ends by `latest`: kWaits, and *waiter is taken. Otherwise
  // starts another that ends by `deadline`, kStarted: *flight is it, its `first` is *waiter, and the caller must bring
  // it to Finish. kTooLate, with nothing done, where the one under way was the second already.
  Joined JoinOrStart(std::string_view user_id, Clock::time_point deadline, Clock::time_point latest, ReadWaiter* waiter,
                     std::shared_ptr<ReadFlight>* flight);

  // Nobody joins any more. Returns all who did.
  std::vector<ReadWaiter> Finish(ReadFlight* flight);

 private:
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<std::string_view, std::shared_ptr<ReadFlight>> flights;  // by their user_id
  };
  Shard& ShardOf(std::string_view user_id) { return shards_[std::hash<std::string_view>()(user_id) % shards_.size()]; }

  std::array<Shard, 64> shards_;
};

}  // namespace kindred
