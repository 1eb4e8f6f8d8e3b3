#include "server/memory_profile_store.h"

#include <functional>
#include <vector>

namespace kindred {

MemoryProfileStore::Shard& MemoryProfileStore::ShardOf(std::string_view user_id) {
  return shards_[std::hash<std::string_view>()(user_id) % shards_.size()];
}

absl::StatusOr<bool> MemoryProfileStore::Get(std::string_view user_id, Profile* profile) {
  Shard& shard = ShardOf(user_id);
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.profiles.find(std::string(user_id));
    if (found != shard.profiles.end()) {
      *profile = found->second;
      hits_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
  }
  ClearProfile(profile);
  misses_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

absl::Status MemoryProfileStore::ForEach(const std::function<bool(const Profile&)>& visit) {
  std::vector<std::string> users;
  Profile profile;
  for (Shard& shard : shards_) {
    users.clear();
    {
      const std::lock_guard lock(shard.mutex);
      for (const auto& [user_id, stored] : shard.profiles) users.push_back(user_id);
    }
    // One by one, so that `visit` may use the store.
    for (const std::string& user_id : users) {
      {
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.profiles.find(user_id);
        if (found == shard.profiles.end()) continue;
        profile = found->second;
      }
      if (!visit(profile)) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::Status MemoryProfileStore::Commit(std::span<const Profile* const> profiles) {
  for (const Profile* profile : profiles) {
    Shard& shard = ShardOf(profile->user_id);
    const std::lock_guard lock(shard.mutex);
    if (profile->version == 0) {
      shard.profiles.erase(profile->user_id);
    } else {
      shard.profiles[profile->user_id] = *profile;
    }
  }
  return absl::OkStatus();
}

ProfileStoreCounts MemoryProfileStore::counts() const {
  ProfileStoreCounts counts;
  counts.hits = hits_.load(std::memory_order_relaxed);
  counts.misses = misses_.load(std::memory_order_relaxed);
  return counts;
}

}  // namespace kindred
