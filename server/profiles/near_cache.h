// The profiles that this server knows without asking Redis, in one place so that a read looks once:
//
//   loaded   what Redis was found to have, a profile or none, for a few seconds; the least used go when bytes run out
//   pinned   committed here and not in Redis yet: stays, whatever its age and size, until Unpin
//
// Thread-safe; a read holds the lock of one shard for a look-up, and shares the profile instead of copying it.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/profile/profile.h"

namespace kindred {

using SharedProfile = std::shared_ptr<const Profile>;

// What is known of a user's value in Redis: `profile` has all that is in the value of `checksum`.
struct KnownValue {
  SharedProfile profile;  // null: nobody. Of version 0: deleted
  uint64_t checksum = 0;  // 0: Redis has no value, as far as is known
};

// Whether a copy is newer: by epoch, then by version. Nobody is older than anybody.
bool IsNewer(const Profile* a, const Profile* b);

struct NearCacheOptions {
  std::chrono::steady_clock::duration ttl = std::chrono::seconds(2);
  std::chrono::steady_clock::duration negative_ttl = std::chrono::seconds(1);
  uint64_t max_bytes = 64u << 20;
  uint32_t shards = 64;
};

class NearCache {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  enum class State : uint8_t { kAbsent, kExpired, kFresh, kPinned };
  struct Found {
    State state = State::kAbsent;
    KnownValue known;
    // It expires soon: this reader, and no other, should load it anew.
    bool refresh = false;
  };

  explicit NearCache(const NearCacheOptions& options);

  // What is known of a user. What is expired is better than nothing when Redis cannot be asked. O(1).
  Found Find(std::string_view user_id, TimePoint now);

  // Remembers what was found in Redis. What is pinned stays, and so does what is fresh and newer: a read that overtook
  // a commit must not hide it.
  void Load(std::string_view user_id, KnownValue known, TimePoint now);

  // Puts `profile` in place of what is there, until Unpin. Returns what was loaded before; of a pinned one, nothing.
  KnownValue Pin(std::string_view user_id, SharedProfile profile);

  // Puts `with` in place of `profile` when that is pinned.
  void Repin(std::string_view user_id, const SharedProfile& profile, SharedProfile with);

  // Redis has it: from now on it is as loaded. Nothing happens when another profile is pinned by now.
  void Unpin(std::string_view user_id, const KnownValue& known, TimePoint now);

  // Of what is loaded; and of all.
  uint64_t bytes() const;
  uint64_t entries() const;

 private:
  struct Entry {
    std::string user_id;
    KnownValue known;
    TimePoint expires, refresh_at;
    uint64_t bytes = 0;
    bool pinned = false;
  };
  using Entries = std::list<Entry>;  // most recently used first
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    Entries loaded, pinned;
    std::unordered_map<std::string_view, Entries::iterator> index;  // of both, by their user_id
    uint64_t bytes = 0;                                             // of loaded
    uint64_t random = 0;
  };

  Shard& ShardOf(std::string_view user_id) { return shards_[std::hash<std::string_view>()(user_id) % shards_.size()]; }
  // All with the shard's lock held.
  void Fill(Shard* shard, Entries::iterator entry, KnownValue known, TimePoint now) const;
  void Evict(Shard* shard) const;

  const NearCacheOptions options_;
  std::vector<Shard> shards_;
};

}  // namespace kindred
