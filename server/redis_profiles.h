// Profiles in Redis as the configuration wants them: the client, the journal and the store over both, begun and ended
// in their order.
//
// Use: Open, …, Drain when nobody commits any more, and destroy when nobody reads any more. One thread drives it;
// store() and Snapshot() are for any.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "core/lifecycle/model_registry.h"
#include "core/profile/profile.h"
#include "kindred/v1/server_config.pb.h"
#include "server/profile_store.h"
#include "server/profiles/answer_cache.h"
#include "server/profiles/model_metadata.h"
#include "server/profiles/redis_profile_store.h"
#include "server/redis/redis_client.h"
#include "server/redis_metrics.h"

namespace kindred {

class RedisProfiles {
 public:
  // `config` is complete (CompleteConfig). Does not wait for Redis: one that is away is no error. UNAVAILABLE when the
  // journal's folder cannot be used; what RedisClient::Create says of files.
  static absl::StatusOr<std::unique_ptr<RedisProfiles>> Open(const v1::RedisStoreConfig& config,
                                                             const ProfileLimits& limits);
  ~RedisProfiles();

  ProfileStore* store() { return store_.get(); }
  // nullptr unless the configuration asks for it.
  AnswerCache* answers() { return answers_.get(); }
  RedisSnapshot Snapshot() const;

  // Says in Redis which models this server serves (model:{name}:metadata), now and every hour.
  void Publish(std::span<const ModelHandle> models);

  // Waits until Redis has everything, or until `deadline`; whether it has. What it has not stays in the journal.
  bool Drain(std::chrono::steady_clock::time_point deadline) { return store_->Drain(deadline); }

 private:
  explicit RedisProfiles(uint64_t backlog_limit) : backlog_limit_(backlog_limit) {}

  const uint64_t backlog_limit_;
  // Ended from the last: the store's threads use the others until they are joined.
  std::unique_ptr<AnswerCache> answers_;
  std::unique_ptr<redis::RedisClient> client_;
  std::unique_ptr<ModelMetadata> metadata_;
  std::unique_ptr<RedisProfileStore> store_;
};

// What the parts are told.
redis::ClientOptions ClientOptionsOf(const v1::RedisStoreConfig& config);
AnswerCacheOptions AnswerOptionsOf(const v1::RedisStoreConfig& config);
RedisStoreOptions StoreOptionsOf(const v1::RedisStoreConfig& config, const ProfileLimits& limits);

}  // namespace kindred
