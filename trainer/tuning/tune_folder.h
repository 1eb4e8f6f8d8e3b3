// The folder in which a tuning is kept: tune.json, tune.csv, and a lock while a process is at work.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/tuning/tune.h"
#include "trainer/tuning/tune_results.h"

namespace kindred {

// The path of a file in the folder of the options.
std::string PathInFolder(const TuneOptions& options, std::string_view name);

// One tuning at a time in a folder; released when this or the process ends. A folder in which nothing was kept by then
// is left as it was found: without the lock, and not there where it was not there before.
class FolderLock {
 public:
  // Makes the folder where it is not there. INVALID_ARGUMENT when that or writing to it is not possible,
  // FAILED_PRECONDITION when another process holds it.
  static absl::StatusOr<FolderLock> Take(const TuneOptions& options);
  FolderLock(FolderLock&& other) noexcept
      : folder_(std::move(other.folder_)), made_(std::move(other.made_)), file_(std::exchange(other.file_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(std::string folder) : folder_(std::move(folder)) {}
  absl::Status Open();
  void Close();

  std::string folder_;
  std::vector<std::string> made_;  // folders that were not there, the innermost first
  int file_ = -1;                  // -1: not held
};

// Replaces tune.json and tune.csv, each in one step.
absl::Status KeepResults(const TuneOptions& options, const TuneResults& results);

// What the folder holds of a tuning with this setup; nullopt for an empty one, and with options.restart.
// FAILED_PRECONDITION, saying what differs, for another tuning; INVALID_ARGUMENT for a file that is none.
absl::StatusOr<std::optional<TuneResults>> KeptResults(const TuneOptions& options, std::string_view setup);

}  // namespace kindred
