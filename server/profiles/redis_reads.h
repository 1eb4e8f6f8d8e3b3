// Reads profiles, from the first that can answer: what is pinned or near, Redis (one command for all who ask for a user
// at the same time), the journal. What the journal has is merged with what Redis has, and written back where Redis has
// lost it; a value that is no profile of the user is counted, taken for none and repaired. Thread-safe; waits for
// nobody.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "server/profile_codec.h"
#include "server/profile_store.h"
#include "server/profiles/near_cache.h"
#include "server/profiles/profile_applier.h"
#include "server/profiles/profile_ledger.h"
#include "server/profiles/read_flights.h"
#include "server/profiles/redis_store_options.h"
#include "server/profiles/redis_store_stats.h"
#include "server/profiles/teller.h"
#include "server/profiles/time_to_live.h"
#include "server/redis/client.h"

namespace kindred {

class RedisReads {
 public:
  using Clock = std::chrono::steady_clock;

  // All must outlive this.
  RedisReads(redis::Client* client, ProfileLedger* ledger, ProfileApplier* applier, NearCache* near,
             const RedisStoreOptions* options, RedisStoreStats* stats);
  // Waits for what is under way. The applier must run.
  ~RedisReads();

  // As ProfileStore::Fetch. `done` of many who waited for one read is called on a thread for that.
  bool Fetch(std::string_view user_id, const FetchOptions& options, FetchedProfile* out,
             const std::function<void()>& done);

  // As ProfileStore::Get: what is known without asking Redis, however old.
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile);

 private:
  using FlightPtr = std::shared_ptr<ReadFlight>;
  // What a read found.
  struct Result {
    SharedProfile profile;  // null: nobody
    absl::Status status;
  };

  // Starts a read for `waiter`, or lets it wait for one. True: `waiter` has its answer, and its `done` is not called.
  bool Read(std::string_view user_id, ReadWaiter waiter);
  // Sends it. True: it ended already, and its first waiter has its answer.
  bool Send(const FlightPtr& flight, const NearCache::Found& found);
  // Ends a flight; `here`: the first waiter is told by return.
  void Complete(const FlightPtr& flight, bool here);
  void End(const FlightPtr& flight, const Result& result, bool here);
  Result ResultOf(ReadFlight* flight);
  Result Degraded(const SharedProfile& fallback, redis::Failure failure);
  Result Miss(ReadFlight* flight);
  Result Hit(ReadFlight* flight, SharedProfile found, uint64_t checksum);
  // What both say; `found` itself when that has it all. *lost: Redis lacks something of it that it has room for.
  SharedProfile MergeKnown(const Profile& known, const SharedProfile& found, bool* lost) const;

  // Gives a waiter its answer, or lets it ask once more.
  void Tell(const std::string& user_id, ReadWaiter waiter, const Result& result);
  void GiveRead(const Result& result, uint64_t min_version, FetchedProfile* out);
  static void Give(const Profile* found, Profile* profile);

  void Refresh(std::string_view user_id);
  void Extend(const std::string& user_id, const Profile& profile);
  // On the applier's thread, since the journal is written.
  void Restore(const std::string& user_id, SharedProfile found);
  // GETRANGE says the same of an empty value as of none: deletes one that is there, and counts it; then restores the
  // user, with `restore`.
  void CheckEmpty(const std::string& user_id, bool restore);
  // What is damaged and begins with `header`; `done` is told whether it was there.
  void Delete(const std::string& user_id, std::string header, bool script_known,
              std::function<void(bool deleted)> done);

  // How many callbacks are to come that need this.
  void Enter();
  void Leave();

  redis::Client* const client_;
  ProfileLedger* const ledger_;
  ProfileApplier* const applier_;
  NearCache* const near_;
  const RedisStoreOptions* const options_;
  RedisStoreStats* const stats_;
  ReadFlights flights_;
  ExtensionFilter extensions_;

  std::mutex mutex_;
  std::condition_variable idle_;
  uint64_t under_way_ = 0;  // guarded by mutex_

  Teller teller_;
};

}  // namespace kindred
