// Profiles on this machine's disk, in RocksDB: key = user id, value = profile_codec.h. Survives kill -9 and power loss;
// one process at a time. When the disk fails or is full, reads go on and commits fail; once a commit finds that the
// disk takes writes again, the database is opened anew.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/profile_codec.h"
#include "server/profile_store.h"
#include "server/reader_gate.h"

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
  EmbeddedProfileStore(std::string dir, uint64_t block_cache_bytes, std::unique_ptr<rocksdb::DB> db);
  // Makes a database that failed take writes again; false when it will not yet. Tries once a second.
  bool Recover();

  const std::string dir_;
  const uint64_t block_cache_bytes_;
  ReaderGate gate_;                  // closed while db_ is replaced
  std::unique_ptr<rocksdb::DB> db_;  // null: it could not be opened again, and the gate is closed
  // For the committing thread only.
  absl::Status failure_;  // of the last commit
  std::chrono::steady_clock::time_point next_recovery_;
  ProfileCodecScratch encode_scratch_;
  std::string value_;
  std::atomic<uint64_t> hits_{0}, misses_{0}, corrupt_{0}, errors_{0};
};

}  // namespace kindred
