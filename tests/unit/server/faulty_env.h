// A RocksDB environment on the real disk whose journal (write-ahead log) can be told to fail. Thread-safe.
#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <memory>
#include <string>

namespace kindred::testing {

class FaultyEnv final : public rocksdb::EnvWrapper {
 public:
  FaultyEnv() : EnvWrapper(Env::Default()) {}
  const char* Name() const override { return "FaultyEnv"; }

  rocksdb::Status NewWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    rocksdb::Status status = EnvWrapper::NewWritableFile(name, file, options);
    if (status.ok() && name.ends_with(".log")) *file = std::make_unique<File>(this, std::move(*file));
    return status;
  }

  std::atomic<bool> fail_syncs{false};    // EIO
  std::atomic<bool> fail_appends{false};  // ENOSPC, half of it written
  std::atomic<int> failed{0};
  std::atomic<int> syncs{0};  // tried
  // Times that a journal whose sync had failed was synced again: its first failure may have dropped what was written.
  std::atomic<int> synced_after_failure{0};

 private:
  class File final : public rocksdb::WritableFileWrapper {
   public:
    File(FaultyEnv* env, std::unique_ptr<rocksdb::WritableFile> file)
        : WritableFileWrapper(file.get()), env_(env), file_(std::move(file)) {}

    rocksdb::Status Append(const rocksdb::Slice& data) override {
      if (!env_->fail_appends) return file_->Append(data);
      ++env_->failed;
      file_->Append({data.data(), data.size() / 2}).PermitUncheckedError();
      return rocksdb::Status::NoSpace("injected");
    }
    rocksdb::Status Append(const rocksdb::Slice& data, const rocksdb::DataVerificationInfo&) override {
      return Append(data);
    }
    rocksdb::Status Sync() override { return SyncWith(&WritableFile::Sync); }
    rocksdb::Status Fsync() override { return SyncWith(&WritableFile::Fsync); }

   private:
    rocksdb::Status SyncWith(rocksdb::Status (rocksdb::WritableFile::*sync)()) {
      ++env_->syncs;
      if (sync_failed_) ++env_->synced_after_failure;
      if (!env_->fail_syncs) return ((*file_).*sync)();
      ++env_->failed;
      sync_failed_ = true;
      return rocksdb::Status::IOError("injected");
    }

    FaultyEnv* const env_;
    const std::unique_ptr<rocksdb::WritableFile> file_;
    std::atomic<bool> sync_failed_{false};
  };
};

}  // namespace kindred::testing
