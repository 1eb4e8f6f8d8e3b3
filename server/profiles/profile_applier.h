// Writes the backlog to Redis on a thread of its own: many at a time, the oldest first, each by a compare-and-set that
// never replaces what was not merged before. What fails is tried again for ever, at growing intervals; of the groups in
// which nothing succeeds, one write at a time feels the way, and the others go on.
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
#include <vector>

#include "server/profile_codec.h"
#include "server/profiles/profile_backlog.h"
#include "server/profiles/profile_ledger.h"
#include "server/profiles/redis_store_options.h"
#include "server/profiles/redis_store_stats.h"
#include "server/redis/client.h"

namespace kindred {

class ProfileApplier {
 public:
  using Clock = std::chrono::steady_clock;

  // All must outlive this.
  ProfileApplier(redis::Client* client, ProfileLedger* ledger, ProfileBacklog* backlog,
                 const RedisStoreOptions* options, RedisStoreStats* stats);
  // Stops.
  ~ProfileApplier();

  // There is something new in the backlog, or somebody who waits. Thread-safe.
  void Wake();
  // Runs `task` on the applier's thread, where the journal may be read and written. Thread-safe; not after Stop.
  void Post(std::function<void()> task);
  // Writes that were answered by another server are not taken for done any more. Thread-safe.
  void OnNewServer() { generation_.fetch_add(1); }

  // Waits for the replies that are outstanding and tells who waits that it is not in Redis. What is left is in the
  // journal.
  void Stop();

 private:
  // A write, and what became of it.
  struct Write {
    BacklogItem item;
    std::string value;
    std::string replaced;     // the checksum of the value that it may replace, empty: none
    uint64_t generation = 0;  // of the server it went to
    redis::Reply reply;
    bool script_known = true;  // it was sent by name
    uint32_t conflicts = 0;    // in a row before it
  };
  using WritePtr = std::shared_ptr<Write>;
  // What is known of a group of the backlog.
  struct Group {
    uint32_t in_flight = 0;
    uint32_t failures = 0;  // since the last success
    Clock::time_point rests_until;
  };

  void Run();
  void Fill();
  Clock::time_point NextRestEnd(Clock::time_point now) const;
  // Sends it, in place of the value that is known to be there or of the one whose checksum is `replaced`.
  void Prepare(BacklogItem item);
  void Prepare(BacklogItem item, std::string replaced, uint32_t conflicts);
  void Send(WritePtr write, bool script_known);
  void HandleReply(const WritePtr& write);
  // Merges what is there and sends that; where Redis turns out to have it all, it is added to settled_.
  void HandleConflict(const WritePtr& write);
  void Fail(Write* write);
  void SettleAll();

  redis::Client* const client_;
  ProfileLedger* const ledger_;
  ProfileBacklog* const backlog_;
  const RedisStoreOptions* const options_;
  RedisStoreStats* const stats_;
  std::atomic<uint64_t> generation_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  bool awake_ = false, stopping_ = false;     // guarded by mutex_
  std::vector<WritePtr> answered_;            // guarded by mutex_
  std::vector<std::function<void()>> tasks_;  // guarded by mutex_

  // Of the applier's thread.
  bool closing_ = false;  // nothing is sent any more
  uint32_t in_flight_ = 0;
  std::vector<Group> groups_;
  std::vector<ProfileLedger::Settled> settled_;
  ProfileCodecScratch scratch_;
  uint64_t random_ = 0;  // of SpreadTimeToLive

  std::thread thread_;
};

}  // namespace kindred
