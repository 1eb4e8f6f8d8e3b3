// Profiles in this process, gone when it stops. For trials and tests.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "server/profile_store.h"

namespace kindred {

class MemoryProfileStore final : public ProfileStore {
 public:
  std::string_view name() const override { return "memory"; }
  StoreDurability durability() const override { return StoreDurability::kMemory; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override;
  absl::Status ForEach(const std::function<bool(const Profile&)>& visit) override;
  absl::Status Commit(std::span<const Profile* const> profiles) override;
  ProfileStoreCounts counts() const override;

 private:
  // Sharded by user, so that readers seldom wait for one another.
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Profile> profiles;  // guarded by mutex
  };
  Shard& ShardOf(std::string_view user_id);

  std::array<Shard, 16> shards_;
  std::atomic<uint64_t> hits_{0}, misses_{0};
};

}  // namespace kindred
