// A memory store whose reads the test watches, and may make as slow as it likes.
#pragma once

#include <atomic>
#include <functional>

#include "server/memory_profile_store.h"

namespace kindred::testing {

class WatchedProfileStore final : public ProfileStore {
 public:
  std::string_view name() const override { return "watched"; }
  StoreDurability durability() const override { return StoreDurability::kMemory; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override {
    on_read(++reads);
    return store_.Get(user_id, profile);
  }
  absl::Status Commit(std::span<const Profile* const> profiles) override { return store_.Commit(profiles); }
  ProfileStoreCounts counts() const override { return store_.counts(); }

  std::atomic<int> reads{0};
  std::function<void(int)> on_read = [](int) {};  // set while nothing reads

 private:
  MemoryProfileStore store_;
};

}  // namespace kindred::testing
