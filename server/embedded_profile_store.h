// Profiles on this machine's disk, in RocksDB: key = user id, value = profile_codec.h. Survives kill -9 and power loss;
// one process at a time.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/profile_codec.h"
#include "server/profile_store.h"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace kindred {

class EmbeddedProfileStore final : public ProfileStore {
 public:
  // Opens the store in `dir`, which is made when missing. UNAVAILABLE, naming the directory and the reason, when it
  // cannot be used: another server has it, the disk is full, permissions, damage.
  static absl::StatusOr<std::unique_ptr<EmbeddedProfileStore>> Open(const std::string& dir, uint64_t block_cache_bytes);
  // Flushes, so that the next start has no journal to replay.
  ~EmbeddedProfileStore() override;

  std::string_view name() const override { return "embedded"; }
  StoreDurability durability() const override { return StoreDurability::kJournal; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override;
  absl::Status Commit(std::span<const Profile* const> profiles) override;
  ProfileStoreCounts counts() const override;

 private:
  explicit EmbeddedProfileStore(std::unique_ptr<rocksdb::DB> db);

  std::unique_ptr<rocksdb::DB> db_;
  bool failed_ = false;  // the last commit failed; used by the committing thread only
  ProfileCodecScratch encode_scratch_;
  std::string value_;
  std::atomic<uint64_t> hits_{0}, misses_{0}, corrupt_{0}, errors_{0};
};

}  // namespace kindred
