// The profiles that Redis does not have yet, one entry a user, oldest first in each of the groups that fail together,
// which take turns; and who waits for one to be there. An
// entry is with one holder at a time: Next hands it out, and Applied, Changed or Retry gives it back, so that the
// writes of a user keep their order. Thread-safe; all but Take* and Discard in O(log n).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/profiles/backlog_groups.h"
#include "server/profiles/near_cache.h"
#include "server/profiles/redis_store_stats.h"

namespace kindred {

// What is written again has less of a hurry than what is new.
enum class BacklogClass : uint8_t { kFresh, kReplay };

// A profile to be written.
struct BacklogItem {
  std::string user_id;
  SharedProfile profile;
  BacklogClass kind = BacklogClass::kFresh;
  uint32_t group = 0;
  uint64_t sequence = 0;  // grows with every profile that is put in
  // The value that may be in Redis. Unless `merged`, its profile has to be merged before it may be replaced.
  KnownValue base;
  bool merged = false;
  uint32_t attempts = 0;  // failures so far
  // Of the deletion that was sent and may have arrived, although nothing says so; 0: none.
  uint64_t sent_epoch = 0;
};

class ProfileBacklog {
 public:
  using Clock = std::chrono::steady_clock;
  using Shared = std::function<void(bool)>;

  explicit ProfileBacklog(RedisStoreStats* stats, BacklogGroups groups = {});

  uint32_t groups() const { return groups_.count(); }

  // Puts `profile` in, in place of the user's last one, which keeps its place and what is known of Redis.
  void Add(std::string_view user_id, SharedProfile profile, KnownValue base, BacklogClass kind);
  bool Contains(std::string_view user_id) const;

  // The oldest that nobody holds of the next group that `may_send` allows, fresh ones first where `replays_too`; none
  // when there is none. `may_send` must not call this; empty: it allows all. O(groups).
  std::optional<BacklogItem> Next(bool replays_too, const std::function<bool(uint32_t)>& may_send = {});

  // Redis has the profile of `sequence`, as the value `checksum`. True: that was the last one, and the entry is gone.
  // False: a newer one has come, and waits for its turn. Who waited for it is put into *waiting.
  bool Applied(const BacklogItem& item, uint64_t checksum, std::vector<Shared>* waiting);
  // The holder gives it back: it waits again, behind the others or before them.
  void Retry(const BacklogItem& item, bool behind);
  // The holder has merged something into its profile: false, and *item is as it is now, when a newer one has come.
  bool Replace(BacklogItem* item, SharedProfile merged);

  // Calls `done` when what the user's entry holds now is in Redis. False, and nothing done, when there is no entry.
  bool Await(std::string_view user_id, Clock::time_point deadline, Shared* done);
  // Those whose deadline has come; with time_point::max(), all.
  std::vector<Shared> TakeOverdue(Clock::time_point now);
  Clock::time_point NextDeadline() const;

  uint64_t size() const { return stats_->backlog.load(std::memory_order_relaxed); }
  uint64_t replays() const;
  // Those in the group of `user_id`.
  uint64_t ReplaysLike(std::string_view user_id) const;
  // When the oldest came, Unix time in ms; 0: there is none.
  int64_t since_ms() const { return stats_->backlog_since_ms.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    uint64_t sequence;
    Clock::time_point deadline;
    Shared done;
  };
  struct Entry {
    BacklogItem item;
    bool held = false;
    int64_t since_ms = 0;
    std::list<const Entry*>::iterator age;
    std::vector<Waiting> waiting;
  };

  // With mutex_ held.
  std::deque<Entry*>& QueueOf(const Entry& entry) {
    return queues_[static_cast<size_t>(entry.item.kind)][entry.item.group];
  }
  void CountReplay(const Entry& entry, int64_t change);
  void TakeWaiting(Entry* entry, uint64_t sequence, std::vector<Shared>* out);
  void UpdateStats();

  RedisStoreStats* const stats_;
  const BacklogGroups groups_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::list<const Entry*> by_age_;
  std::vector<std::deque<Entry*>> queues_[2];                // by group; not held
  std::multimap<Clock::time_point, std::string> deadlines_;  // of who waits, with the user
  uint64_t sequence_ = 0;
  uint64_t replays_ = 0;
  std::vector<uint64_t> group_replays_;
  uint32_t turn_ = 0;  // the group that is asked first
};

}  // namespace kindred
