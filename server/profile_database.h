// Keys and values on this machine's disk, in RocksDB; what the stores that keep profiles there share. Survives kill -9
// and power loss; one process at a time. When the disk fails or is full, reads go on and writes fail; once a write
// finds that the disk takes writes again, the database is opened anew. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/reader_gate.h"

namespace rocksdb {
class DB;
class Env;
class WriteBatch;
}  // namespace rocksdb

namespace kindred {

class ProfileDatabase {
 public:
  struct Entry {
    std::string key, value;
  };

  // Opens the database in `dir`, which is made when missing. UNAVAILABLE, naming the directory and the reason, when it
  // cannot be used: another server has it, the disk is full, permissions, damage. A journal that ends within a record,
  // as after a crash, is read up to there. `env` (null: the machine's) is for tests and must outlive this.
  static absl::StatusOr<std::unique_ptr<ProfileDatabase>> Open(const std::string& dir, uint64_t block_cache_bytes,
                                                               rocksdb::Env* env = nullptr);
  // Flushes, so that the next start has no journal to replay.
  ~ProfileDatabase();

  // Calls `visit` with the value of `key`, good during the call only, and which must not use this; false when there is
  // none. Sees every write that returned. UNAVAILABLE when it cannot be read.
  absl::StatusOr<bool> Get(std::string_view key, absl::FunctionRef<void(std::string_view)> visit);

  // Replaces *entries with the first ones, in the order of their keys, whose keys begin with `prefix` and come after
  // `after`; at most `max_entries`. None: there are no more.
  absl::Status Scan(std::string_view prefix, std::string_view after, size_t max_entries, std::vector<Entry>* entries);

  // Applies all of `batch` or nothing. With `sync` it is on the disk when this returns; without, with the system, which
  // a crash of the process does not take away. UNAVAILABLE when that is not so; what failed is not tried again by
  // itself, and no file whose sync failed is ever synced again.
  absl::Status Write(rocksdb::WriteBatch* batch, bool sync);

  // Bytes on the disk and in memory, about.
  uint64_t bytes();
  uint64_t sync_failures() const { return sync_failures_.load(std::memory_order_relaxed); }

 private:
  ProfileDatabase(std::string dir, uint64_t block_cache_bytes, rocksdb::Env* env, std::unique_ptr<rocksdb::DB> db);
  // OK when writes may be tried: makes a database that failed take them again, tried once a second.
  absl::Status RecoverIfFailed();
  bool Recover();
  absl::Status Fail(const std::string& reason);

  const std::string dir_;
  const uint64_t block_cache_bytes_;
  rocksdb::Env* const env_;
  ReaderGate gate_;                  // closed while db_ is replaced; everything that uses it is inside
  std::unique_ptr<rocksdb::DB> db_;  // null: it could not be opened again, and the gate is closed
  std::atomic<bool> failed_{false};  // failure_ is not OK
  std::atomic<uint64_t> sync_failures_{0};
  std::mutex mutex_;      // never waited for inside the gate, since its holder may close that
  absl::Status failure_;  // of the last write; guarded by mutex_, as is what follows
  std::chrono::steady_clock::time_point next_recovery_;
};

}  // namespace kindred
