// The folder in which a tuning is kept: tune.json, tune.csv, and a lock while a process is at work.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "trainer/tuning/tune.h"
#include "trainer/tuning/tune_results.h"

namespace kindred {

// The path of a file in the folder of the options.
std::string PathInFolder(const TuneOptions& options, std::string_view name);

// One tuning at a time in a folder; released when this or the process ends.
class FolderLock {
 public:
  // Makes the folder where it is not there. INVALID_ARGUMENT when that or writing to it is not possible,
  // FAILED_PRECONDITION when another process holds it.
  static absl::StatusOr<FolderLock> Take(const TuneOptions& options);
  FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_;
};

// Replaces tune.json and tune.csv, each in one step.
absl::Status KeepResults(const TuneOptions& options, const TuneResults& results);

// What the folder holds of a tuning with this setup; nullopt for an empty one, and with options.restart.
// FAILED_PRECONDITION, saying what differs, for another tuning; INVALID_ARGUMENT for a file that is none.
absl::StatusOr<std::optional<TuneResults>> KeptResults(const TuneOptions& options, std::string_view setup);

}  // namespace kindred
