// Profiles on this machine's disk, as profile_database.h keeps it: key = user id, value = profile_codec.h.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/profile_codec.h"
#include "server/profile_database.h"
#include "server/profile_store.h"

namespace kindred {

class EmbeddedProfileStore final : public ProfileStore {
 public:
  // Opens the store in `dir`, as ProfileDatabase::Open does.
  static absl::StatusOr<std::unique_ptr<EmbeddedProfileStore>> Open(const std::string& dir, uint64_t block_cache_bytes);

  std::string_view name() const override { return "embedded"; }
  StoreDurability durability() const override { return StoreDurability::kJournal; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override;
  absl::Status ForEach(const std::function<bool(const Profile&)>& visit) override;
  absl::Status Commit(std::span<const Profile* const> profiles) override;
  ProfileStoreCounts counts() const override;

 private:
  explicit EmbeddedProfileStore(std::unique_ptr<ProfileDatabase> database);

  const std::unique_ptr<ProfileDatabase> database_;
  // For the committing thread only.
  ProfileCodecScratch encode_scratch_;
  std::string value_;
  std::atomic<uint64_t> hits_{0}, misses_{0}, corrupt_{0}, errors_{0};
};

}  // namespace kindred
