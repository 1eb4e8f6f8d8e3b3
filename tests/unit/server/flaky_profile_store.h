// A memory store that can be told to fail.
#pragma once

#include "server/memory_profile_store.h"

namespace kindred::testing {

class FlakyProfileStore final : public ProfileStore {
 public:
  std::string_view name() const override { return "flaky"; }
  StoreDurability durability() const override { return StoreDurability::kMemory; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override {
    if (fail_reads) return absl::UnavailableError("cannot read");
    return store_.Get(user_id, profile);
  }
  absl::Status Commit(std::span<const Profile* const> profiles) override {
    return fail_commits ? absl::UnavailableError("disk full") : store_.Commit(profiles);
  }
  ProfileStoreCounts counts() const override { return store_.counts(); }

  std::atomic<bool> fail_commits{false}, fail_reads{false};

 private:
  MemoryProfileStore store_;
};

}  // namespace kindred::testing
