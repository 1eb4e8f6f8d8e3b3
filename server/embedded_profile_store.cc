#include "server/embedded_profile_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_format.h"

namespace kindred {
namespace {

rocksdb::Options StoreOptions(uint64_t block_cache_bytes) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(block_cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Most reads are of users without a profile: the filters answer them without touching a block.
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.memtable_whole_key_filtering = true;
  options.write_buffer_size = 16u << 20;
  options.max_open_files = 512;
  options.keep_log_file_num = 3;
  options.max_log_file_size = 4u << 20;
  return options;
}

}  // namespace

EmbeddedProfileStore::EmbeddedProfileStore(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}

absl::StatusOr<std::unique_ptr<EmbeddedProfileStore>> EmbeddedProfileStore::Open(const std::string& dir,
                                                                                 uint64_t block_cache_bytes) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrFormat("profile store '%s': cannot make the directory: %s", dir, error.message()));
  }
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(StoreOptions(block_cache_bytes), dir, &db);
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrFormat(
        "profile store '%s' cannot be opened: %s. One server at a time may use it, and it must be able to write there",
        dir, status.ToString()));
  }
  return std::unique_ptr<EmbeddedProfileStore>(new EmbeddedProfileStore(std::unique_ptr<rocksdb::DB>(db)));
}

EmbeddedProfileStore::~EmbeddedProfileStore() {
  // A flush that fails loses nothing: the journal has it all.
  db_->Flush(rocksdb::FlushOptions()).PermitUncheckedError();
  db_->Close().PermitUncheckedError();
}

absl::StatusOr<bool> EmbeddedProfileStore::Get(std::string_view user_id, Profile* profile) {
  thread_local rocksdb::PinnableSlice value;
  thread_local ProfileCodecScratch scratch;
  value.Reset();
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), {user_id.data(), user_id.size()}, &value);
  if (status.ok() && DecodeProfile(user_id, {value.data(), value.size()}, &scratch, profile)) {
    value.Reset();
    hits_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  value.Reset();
  ClearProfile(profile);
  if (status.ok()) {
    corrupt_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (status.IsNotFound()) {
    misses_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  errors_.fetch_add(1, std::memory_order_relaxed);
  return absl::UnavailableError(absl::StrFormat("the profile store cannot be read: %s", status.ToString()));
}

absl::Status EmbeddedProfileStore::Commit(std::span<const Profile* const> profiles) {
  if (failed_) {
    // After a failed write RocksDB refuses all others until it has recovered: a new journal, what it holds in memory
    // on disk.
    const rocksdb::Status resumed = db_->Resume();
    if (!resumed.ok()) {
      return absl::UnavailableError(absl::StrFormat("the profile store takes no writes: %s", resumed.ToString()));
    }
    failed_ = false;
  }
  rocksdb::WriteBatch batch;
  for (const Profile* profile : profiles) {
    EncodeProfile(*profile, &encode_scratch_, &value_);
    const rocksdb::Status put = batch.Put(profile->user_id, value_);
    if (!put.ok()) return absl::InternalError(absl::StrFormat("profile store: %s", put.ToString()));
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (status.ok()) return absl::OkStatus();
  failed_ = true;
  return absl::UnavailableError(absl::StrFormat("the profile store takes no writes: %s", status.ToString()));
}

ProfileStoreCounts EmbeddedProfileStore::counts() const {
  return {hits_.load(std::memory_order_relaxed), misses_.load(std::memory_order_relaxed),
          corrupt_.load(std::memory_order_relaxed), errors_.load(std::memory_order_relaxed)};
}

}  // namespace kindred
