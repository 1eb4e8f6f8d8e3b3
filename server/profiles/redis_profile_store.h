// Profiles in Redis, shared by many servers, with a journal on this machine: a commit is durable when it returns and is
// in Redis soon after; reads see it at once here, and elsewhere within the near cache's time. Redis may be away, come
// back empty or with less: what was acknowledged is served, and written again. See
// docs/decisions/0005-profiles-in-redis.md.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "server/profile_journal.h"
#include "server/profile_store.h"
#include "server/profiles/near_cache.h"
#include "server/profiles/profile_applier.h"
#include "server/profiles/profile_backlog.h"
#include "server/profiles/profile_ledger.h"
#include "server/profiles/redis_reads.h"
#include "server/profiles/redis_store_options.h"
#include "server/profiles/redis_store_stats.h"
#include "server/profiles/store_upkeep.h"
#include "server/redis/client.h"

namespace kindred {

class RedisProfileStore final : public ProfileStore {
 public:
  // `client` must outlive this, and call no more when this is destroyed.
  RedisProfileStore(redis::Client* client, std::unique_ptr<ProfileJournal> journal, RedisStoreOptions options);
  // What is not in Redis by then is in the journal, and is written after the next start.
  ~RedisProfileStore() override;

  std::string_view name() const override { return "redis"; }
  StoreDurability durability() const override {
    return options_.sync_journal ? StoreDurability::kJournal : StoreDurability::kMemory;
  }
  bool remote() const override { return true; }

  // What this server knows without asking Redis, which may be older than what Redis has, or nothing: commits are merged
  // with what is there. Of a deleted user `profile->epoch` is kept.
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override;
  bool Fetch(std::string_view user_id, const FetchOptions& options, FetchedProfile* out,
             const std::function<void()>& done) override;
  // Never blocks; `done` may be called on the applier's thread.
  void AwaitShared(std::string_view user_id, std::chrono::steady_clock::time_point deadline,
                   std::function<void(bool)> done) override;
  // Those in Redis under the prefix, merged with the journal's, and those that only the journal has. A cluster, where
  // one SCAN sees one node, is not scanned (options.scan): then the journal's alone. O(all).
  absl::Status ForEach(const std::function<bool(const Profile&)>& visit) override;
  absl::Status ForEachWhile(const std::function<bool()>& go_on,
                            const std::function<bool(const Profile&)>& visit) override;
  absl::Status Commit(std::span<const Profile* const> profiles) override;
  ProfileStoreCounts counts() const override;

  // To be called for redis::RedisClient's OnNewServer. Does not block.
  void OnNewServer(std::string_view node, std::string_view run_id) { upkeep_.OnNewServer(node, run_id); }
  // Waits until everything is in Redis, or until `deadline`; whether it is. For an orderly end.
  bool Drain(std::chrono::steady_clock::time_point deadline);

  StoreUpkeep* upkeep() { return &upkeep_; }
  const RedisStoreStats& stats() const { return stats_; }
  const NearCache& near_cache() const { return near_; }

 private:
  redis::Client* const client_;
  const RedisStoreOptions options_;
  const std::unique_ptr<ProfileJournal> journal_;
  RedisStoreStats stats_;
  NearCache near_;
  ProfileBacklog backlog_;
  ProfileLedger ledger_;
  ProfileApplier applier_;
  RedisReads reads_;
  StoreUpkeep upkeep_;
};

}  // namespace kindred
