#include "server/embedded_profile_store.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_format.h"
#include "server/logging.h"

namespace kindred {
namespace {

constexpr std::chrono::seconds kRecoveryInterval(1);
// Room that a database needs at least to open: a manifest, and a table of what the journal holds.
constexpr size_t kProbeBytes = 1u << 20;

// What RocksDB says goes to our log. It must not go to a file of its own: Debian's build has assertions on, and one of
// them ends the process when that file cannot grow, that is, when the disk is full.
class StoreLogger final : public rocksdb::Logger {
 public:
  StoreLogger() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel()) return;
    char line[1024];
    std::vsnprintf(line, sizeof(line), format, arguments);
    LogWarn(line, {{"source", "rocksdb"}});
  }
};

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
  options.info_log = std::make_shared<StoreLogger>();
  options.stats_dump_period_sec = 0;
  return options;
}

// Whether a file in `dir` can grow and be synced.
bool TakesWrites(const std::string& dir) {
  const std::string path = dir + "/write-probe";
  const int fd = open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const std::string bytes(kProbeBytes, 'x');
  const bool good = write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) && fsync(fd) == 0;
  close(fd);
  unlink(path.c_str());
  return good;
}

}  // namespace

EmbeddedProfileStore::EmbeddedProfileStore(std::string dir, uint64_t block_cache_bytes, std::unique_ptr<rocksdb::DB> db)
    : dir_(std::move(dir)), block_cache_bytes_(block_cache_bytes), db_(std::move(db)) {}

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
  return std::unique_ptr<EmbeddedProfileStore>(
      new EmbeddedProfileStore(dir, block_cache_bytes, std::unique_ptr<rocksdb::DB>(db)));
}

EmbeddedProfileStore::~EmbeddedProfileStore() {
  if (db_ == nullptr) return;
  // A flush that fails loses nothing: the journal has it all.
  db_->Flush(rocksdb::FlushOptions()).PermitUncheckedError();
  db_->Close().PermitUncheckedError();
}

absl::StatusOr<bool> EmbeddedProfileStore::Get(std::string_view user_id, Profile* profile) {
  thread_local rocksdb::PinnableSlice value;
  thread_local ProfileCodecScratch scratch;
  const ReaderGate::Reader reader(&gate_);
  rocksdb::Status status = rocksdb::Status::IOError("it is being opened again");
  if (reader.inside()) {
    status = db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), {user_id.data(), user_id.size()}, &value);
  }
  const bool decoded = status.ok() && DecodeProfile(user_id, {value.data(), value.size()}, &scratch, profile);
  value.Reset();  // unpins the block, which belongs to the database
  if (decoded) {
    hits_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
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

bool EmbeddedProfileStore::Recover() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_recovery_) return false;
  next_recovery_ = now + kRecoveryInterval;
  if (db_ != nullptr && db_->Resume().ok()) return true;
  // What RocksDB cannot resume from (a journal that failed in the middle of a record) is cured by opening it anew,
  // which replays the journal. Readers are sent away only once the disk is known to take writes.
  if (!TakesWrites(dir_)) return false;
  gate_.Close();
  if (db_ != nullptr) db_->Close().PermitUncheckedError();
  db_.reset();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(StoreOptions(block_cache_bytes_), dir_, &db);
  if (!opened.ok()) {
    LogError("profile store cannot be opened again; reading only", {{"dir", dir_}, {"error", opened.ToString()}});
    if (!rocksdb::DB::OpenForReadOnly(StoreOptions(block_cache_bytes_), dir_, &db).ok()) return false;
  }
  db_.reset(db);
  gate_.Open();
  return opened.ok();
}

absl::Status EmbeddedProfileStore::Commit(std::span<const Profile* const> profiles) {
  if (!failure_.ok()) {
    if (!Recover()) return failure_;
    failure_ = absl::OkStatus();
    LogInfo("profile store takes writes again", {{"dir", dir_}});
  }
  rocksdb::WriteBatch batch;
  for (const Profile* profile : profiles) {
    rocksdb::Status added;
    if (profile->version == 0) {
      added = batch.Delete(profile->user_id);
    } else {
      EncodeProfile(*profile, &encode_scratch_, &value_);
      added = batch.Put(profile->user_id, value_);
    }
    if (!added.ok()) return absl::InternalError(absl::StrFormat("profile store: %s", added.ToString()));
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  const rocksdb::Status status = db_->Write(options, &batch);
  if (status.ok()) return absl::OkStatus();
  failure_ = absl::UnavailableError(absl::StrFormat("the profile store takes no writes: %s", status.ToString()));
  LogError("profile store takes no writes", {{"dir", dir_}, {"error", status.ToString()}});
  return failure_;
}

ProfileStoreCounts EmbeddedProfileStore::counts() const {
  return {hits_.load(std::memory_order_relaxed), misses_.load(std::memory_order_relaxed),
          corrupt_.load(std::memory_order_relaxed), errors_.load(std::memory_order_relaxed)};
}

}  // namespace kindred
