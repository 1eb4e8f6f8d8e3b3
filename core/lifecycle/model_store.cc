#include "core/lifecycle/model_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/packing/prepare_version.h"

namespace kindred {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<StoredVersion>> ScanModelStore(const std::string& root) {
  std::error_code error;
  if (!fs::is_directory(root, error)) {
    return absl::NotFoundError(absl::StrFormat("model store '%s' is not a directory", root));
  }
  std::vector<StoredVersion> found;
  for (fs::directory_iterator model(root, error), end; !error && model != end; model.increment(error)) {
    std::error_code inner;
    for (fs::directory_iterator entry(model->path(), inner); !inner && entry != end; entry.increment(inner)) {
      StoredVersion stored;
      stored.model = model->path().filename();
      // 0 stands for "none" wherever versions are asked for.
      const std::optional<uint64_t> version = VersionOfFolder(entry->path().filename().string());
      if (version.value_or(0) == 0 || !FindVersionForm(entry->path()).has_value()) continue;
      stored.version = *version;
      stored.path = entry->path();
      stored.signature = SignatureOf(stored.path);
      found.push_back(std::move(stored));
    }
  }
  if (error) return absl::UnavailableError(absl::StrFormat("model store '%s': %s", root, error.message()));
  std::sort(found.begin(), found.end(), [](const StoredVersion& a, const StoredVersion& b) {
    return std::tie(a.model, a.version) < std::tie(b.model, b.version);
  });
  return found;
}

std::string SignatureOf(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    struct stat info;
    // Links are followed: it is the file that is mapped.
    if (stat(entry->path().c_str(), &info) != 0) continue;
    files.push_back(absl::StrFormat("%s %d %d.%09d %d:%d\n", entry->path().filename().string(), info.st_size,
                                    info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_dev, info.st_ino));
  }
  std::sort(files.begin(), files.end());
  return absl::StrJoin(files, "");
}

}  // namespace kindred
