#include "trainer/tuning/tune_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/atomic_file.h"
#include "trainer/tuning/tune_setup.h"

namespace kindred {

namespace fs = std::filesystem;

namespace {

constexpr const char* kLockFile = ".lock";

// Those that are empty.
void RemoveFolders(const std::vector<std::string>& folders) {
  std::error_code ignored;
  for (const std::string& folder : folders) fs::remove(folder, ignored);
}

}  // namespace

std::string PathInFolder(const TuneOptions& options, std::string_view name) {
  return (fs::path(options.folder) / std::string(name)).string();
}

absl::StatusOr<FolderLock> FolderLock::Take(const TuneOptions& options) {
  FolderLock lock(options.folder);
  RETURN_IF_ERROR(lock.Open());
  // What a process that was killed in the middle of writing left: the beginning of a file beside its name.
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options.folder, error)) {
    const std::string name = entry.path().filename().string();
    for (std::string_view kept : {"tune.json", "tune.csv", "chosen.yaml"}) {
      if (name.size() > kept.size() && name.find(kept) != name.npos) fs::remove(entry.path(), error);
    }
  }
  return lock;
}

absl::Status FolderLock::Open() {
  const std::string path = (fs::path(folder_) / kLockFile).string();
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    std::error_code error, ignored;
    made_.clear();
    for (fs::path at = folder_; !at.empty() && !fs::exists(at, ignored); at = at.parent_path()) {
      // What ends with a slash has a last part that is empty.
      if (at.has_filename()) made_.push_back(at.string());
    }
    fs::create_directories(folder_, error);
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file_ < 0) {
      const int why = errno;
      RemoveFolders(made_);
      return absl::InvalidArgumentError(
          StrCat(folder_, ": cannot make or write to this folder: ", error ? error.message() : std::strerror(why)));
    }
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      Close();
      break;
    }
    // Who held it a moment ago may have removed the file that is locked now.
    struct stat locked, there;
    if (fstat(file_, &locked) == 0 && stat(path.c_str(), &there) == 0 && locked.st_ino == there.st_ino &&
        locked.st_dev == there.st_dev) {
      return absl::OkStatus();
    }
    Close();
  }
  return absl::FailedPreconditionError(
      StrCat(folder_, ": another kindred tune is at work in this folder; wait for it, or give another --folder"));
}

void FolderLock::Close() {
  close(file_);
  file_ = -1;
}

FolderLock::~FolderLock() {
  if (file_ < 0) return;
  std::error_code error;
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_, error)) ++entries;
  if (!error && entries == 1) {
    fs::remove(fs::path(folder_) / kLockFile, error);
    RemoveFolders(made_);
  }
  Close();
}

absl::Status KeepResults(const TuneOptions& options, const TuneResults& results) {
  for (const auto& [name, text] :
       {std::pair("tune.json", TuneResultsJson(results)), std::pair("tune.csv", TuneResultsCsv(results))}) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
    RETURN_IF_ERROR(WriteFileAtomically(PathInFolder(options, name), std::span(&bytes, 1)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<TuneResults>> KeptResults(const TuneOptions& options, std::string_view setup) {
  const std::string path = PathInFolder(options, "tune.json");
  if (options.restart || !fs::exists(path)) return std::optional<TuneResults>();
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  absl::StatusOr<TuneResults> kept = ParseTuneResults(text.str());
  if (!kept.ok()) {
    return absl::InvalidArgumentError(
        StrCat(path, ": ", kept.status().message(), "; give another --folder, or begin anew with --restart"));
  }
  if (const std::string difference = DescribeDifference(kept->setup_json, setup); !difference.empty()) {
    return absl::FailedPreconditionError(
        StrCat(options.folder, ": holds another tuning, with which this cannot be compared: ", difference,
               ". Give another --folder, or forget it with --restart"));
  }
  return std::optional<TuneResults>(*std::move(kept));
}

}  // namespace kindred
