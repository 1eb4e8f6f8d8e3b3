#include "server/profile_database.h"

#include <fcntl.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <algorithm>
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

rocksdb::Options DatabaseOptions(uint64_t block_cache_bytes, rocksdb::Env* env) {
  rocksdb::Options options;
  options.create_if_missing = true;
  if (env != nullptr) options.env = env;
  options.max_bgerror_resume_count = 0;  // see Recover
  // What a crash leaves of the last record was never acknowledged. Damage before it, which no crash makes, costs what
  // comes after it rather than the start of the server.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
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

absl::Status OpeningAgain() { return absl::UnavailableError("the profile store is being opened again"); }

absl::Status ReadFailure(const rocksdb::Status& status) {
  return absl::UnavailableError(absl::StrFormat("the profile store cannot be read: %s", status.ToString()));
}

}  // namespace

ProfileDatabase::ProfileDatabase(std::string dir, uint64_t block_cache_bytes, rocksdb::Env* env,
                                 std::unique_ptr<rocksdb::DB> db)
    : dir_(std::move(dir)), block_cache_bytes_(block_cache_bytes), env_(env), db_(std::move(db)) {}

absl::StatusOr<std::unique_ptr<ProfileDatabase>> ProfileDatabase::Open(const std::string& dir,
                                                                       uint64_t block_cache_bytes, rocksdb::Env* env) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrFormat("profile store '%s': cannot make the directory: %s", dir, error.message()));
  }
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(DatabaseOptions(block_cache_bytes, env), dir, &db);
  if (!status.ok()) {
    return absl::UnavailableError(absl::StrFormat(
        "profile store '%s' cannot be opened: %s. One server at a time may use it, and it must be able to write there",
        dir, status.ToString()));
  }
  return std::unique_ptr<ProfileDatabase>(
      new ProfileDatabase(dir, block_cache_bytes, env, std::unique_ptr<rocksdb::DB>(db)));
}

ProfileDatabase::~ProfileDatabase() {
  if (db_ == nullptr) return;
  // A flush that fails loses nothing: the journal has it all.
  db_->Flush(rocksdb::FlushOptions()).PermitUncheckedError();
  db_->Close().PermitUncheckedError();
}

absl::StatusOr<bool> ProfileDatabase::Get(std::string_view key, absl::FunctionRef<void(std::string_view)> visit) {
  thread_local rocksdb::PinnableSlice value;
  const ReaderGate::Reader reader(&gate_);
  if (!reader.inside()) return OpeningAgain();
  const rocksdb::Status status =
      db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), {key.data(), key.size()}, &value);
  if (status.ok()) visit({value.data(), value.size()});
  value.Reset();  // unpins the block, which belongs to the database
  if (!status.ok() && !status.IsNotFound()) return ReadFailure(status);
  return status.ok();
}

absl::Status ProfileDatabase::Scan(std::string_view prefix, std::string_view after, size_t max_entries,
                                   std::vector<Entry>* entries) {
  entries->clear();
  const ReaderGate::Reader reader(&gate_);
  if (!reader.inside()) return OpeningAgain();
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> iterator(db_->NewIterator(options));
  const std::string_view first = std::max(prefix, after);
  for (iterator->Seek({first.data(), first.size()}); iterator->Valid(); iterator->Next()) {
    const rocksdb::Slice key = iterator->key();
    if (!key.starts_with({prefix.data(), prefix.size()}) || entries->size() == max_entries) break;
    if (key.ToStringView() != after) entries->push_back({key.ToString(), iterator->value().ToString()});
  }
  return iterator->status().ok() ? absl::OkStatus() : ReadFailure(iterator->status());
}

absl::Status ProfileDatabase::Write(rocksdb::WriteBatch* batch, bool sync) {
  if (absl::Status status = RecoverIfFailed(); !status.ok()) return status;
  rocksdb::WriteOptions options;
  options.sync = sync;
  rocksdb::Status status;
  {
    const ReaderGate::Reader reader(&gate_);
    if (!reader.inside()) return OpeningAgain();
    status = db_->Write(options, batch);
  }
  if (status.ok()) return absl::OkStatus();
  if (sync) sync_failures_.fetch_add(1, std::memory_order_relaxed);
  return Fail(status.ToString());
}

absl::Status ProfileDatabase::Fail(const std::string& reason) {
  LogError("profile store takes no writes", {{"dir", dir_}, {"error", reason}});
  const std::lock_guard lock(mutex_);
  failure_ = absl::UnavailableError(absl::StrFormat("the profile store takes no writes: %s", reason));
  failed_.store(true, std::memory_order_release);
  return failure_;
}

absl::Status ProfileDatabase::RecoverIfFailed() {
  if (!failed_.load(std::memory_order_acquire)) return absl::OkStatus();
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return OpeningAgain();
  if (failure_.ok()) return absl::OkStatus();
  if (!Recover()) return failure_;
  failure_ = absl::OkStatus();
  failed_.store(false, std::memory_order_release);
  LogInfo("profile store takes writes again", {{"dir", dir_}});
  return absl::OkStatus();
}

bool ProfileDatabase::Recover() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_recovery_) return false;
  next_recovery_ = now + kRecoveryInterval;
  // Never by DB::Resume: where nothing was written since the last flush it goes on with the very journal that failed,
  // and Debian's build ends the process when it writes there. Opened anew, the database has a new one, and has read
  // what is in the old. Readers are sent away only once the disk is known to take writes.
  if (!TakesWrites(dir_)) return false;
  gate_.Close();
  if (db_ != nullptr) db_->Close().PermitUncheckedError();
  db_.reset();
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(DatabaseOptions(block_cache_bytes_, env_), dir_, &db);
  if (!opened.ok()) {
    LogError("profile store cannot be opened again; reading only", {{"dir", dir_}, {"error", opened.ToString()}});
    if (!rocksdb::DB::OpenForReadOnly(DatabaseOptions(block_cache_bytes_, env_), dir_, &db).ok()) return false;
  }
  db_.reset(db);
  gate_.Open();
  return opened.ok();
}

uint64_t ProfileDatabase::bytes() {
  const ReaderGate::Reader reader(&gate_);
  if (!reader.inside()) return 0;
  uint64_t sum = 0;
  for (const std::string& property :
       {rocksdb::DB::Properties::kLiveSstFilesSize, rocksdb::DB::Properties::kCurSizeAllMemTables}) {
    uint64_t bytes = 0;
    if (db_->GetIntProperty(property, &bytes)) sum += bytes;
  }
  return sum;
}

}  // namespace kindred
