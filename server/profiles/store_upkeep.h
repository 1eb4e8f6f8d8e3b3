// What the redis profile store does now and then, on a thread of its own: writes again what Redis may have lost, at a
// bounded rate and behind what is new; looks whether Redis was emptied; drops what is old from the journal; and what it
// is told to do every so often. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/profile_journal.h"
#include "server/profiles/canary.h"
#include "server/profiles/known_servers.h"
#include "server/profiles/profile_applier.h"
#include "server/profiles/profile_backlog.h"
#include "server/profiles/profile_ledger.h"
#include "server/profiles/redis_store_options.h"
#include "server/profiles/redis_store_stats.h"
#include "server/redis/client.h"

namespace kindred {

class StoreUpkeep {
 public:
  using Clock = std::chrono::steady_clock;

  // Begins with what was marked in the journal when the last process ended. All must outlive this.
  StoreUpkeep(redis::Client* client, ProfileJournal* journal, ProfileLedger* ledger, ProfileBacklog* backlog,
              ProfileApplier* applier, const RedisStoreOptions* options, RedisStoreStats* stats);
  ~StoreUpkeep();

  // `node` may not have what was written to it before: everything in the journal is marked and written again, unless
  // this very server (`run_id`) had it all when the last process ended. Does not block.
  void OnNewServer(std::string_view node, std::string_view run_id);

  // Something may be marked in the journal that is not in the backlog.
  bool replaying() const { return replaying_.load(std::memory_order_relaxed); }

  // Runs `task` about every `interval`, on this thread.
  void Every(std::chrono::milliseconds interval, std::function<void()> task);

 private:
  struct Periodic {
    std::chrono::milliseconds interval;
    Clock::time_point due;
    std::function<void()> task;
  };
  // What others tell the thread. Replies of the canary may come when the rest of this is gone.
  struct Signals {
    std::mutex mutex;
    std::condition_variable wake;
    bool stopping = false, changed = false, emptied = false;
    std::vector<std::pair<std::string, std::string>> servers;  // node, run_id
    std::vector<Periodic> added;
  };

  void Run();
  void RunPeriodic();
  void MeetServers(const std::vector<std::pair<std::string, std::string>>& servers);
  void MarkAll();
  void SaveServers();
  void ReplaySome();
  void Sweep();

  ProfileJournal* const journal_;
  ProfileLedger* const ledger_;
  ProfileBacklog* const backlog_;
  ProfileApplier* const applier_;
  const RedisStoreOptions* const options_;
  RedisStoreStats* const stats_;
  const std::shared_ptr<Signals> signals_;
  std::atomic<bool> replaying_{true};

  // Of the thread.
  KnownServers servers_;
  bool unmarked_ = false;         // Redis may have lost anything, and the journal does not say so yet
  bool servers_changed_ = false;  // and not saved: the file says otherwise
  const Clock::time_point started_ = Clock::now();
  Canary canary_;
  std::deque<std::string> marked_;  // to be replayed next
  Clock::time_point next_look_;     // for marks, while others are replayed
  std::vector<Periodic> periodic_;
  std::thread thread_;
};

}  // namespace kindred
