#include "trainer/tuning/tune_folder.h"

#include <fcntl.h>
#include <sys/file.h>
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

std::string PathInFolder(const TuneOptions& options, std::string_view name) {
  return (fs::path(options.folder) / std::string(name)).string();
}

absl::StatusOr<FolderLock> FolderLock::Take(const TuneOptions& options) {
  std::error_code error;
  fs::create_directories(options.folder, error);
  const std::string path = PathInFolder(options, ".lock");
  FolderLock lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (lock.file_ < 0) {
    return absl::InvalidArgumentError(StrCat(
        options.folder, ": cannot make or write to this folder: ", error ? error.message() : std::strerror(errno)));
  }
  if (flock(lock.file_, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(StrCat(
        options.folder, ": another kindred tune is at work in this folder; wait for it, or give another --folder"));
  }
  // What a process that was killed in the middle of writing left: the beginning of a file beside its name.
  for (const auto& entry : fs::directory_iterator(options.folder, error)) {
    const std::string name = entry.path().filename().string();
    for (std::string_view kept : {"tune.json", "tune.csv", "chosen.yaml"}) {
      if (name.size() > kept.size() && name.find(kept) != name.npos) fs::remove(entry.path(), error);
    }
  }
  return lock;
}

FolderLock::~FolderLock() {
  if (file_ >= 0) close(file_);
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
