#include "core/lifecycle/model_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/packing/prepare_version.h"

namespace kindred {

namespace fs = std::filesystem;

namespace {

// What is gone, or is no folder, has no versions; of what cannot be read nobody knows.
bool IsGone(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

absl::Status Unreadable(const std::string& path, const std::error_code& error) {
  return absl::UnavailableError(absl::StrFormat(
      "model store: cannot read %s: %s; what is known of the store stays until it can be read", path, error.message()));
}

std::string SignatureOf(const std::string& folder, std::error_code* error) {
  std::vector<std::string> files;
  for (fs::directory_iterator entry(folder, *error), end; !*error && entry != end; entry.increment(*error)) {
    struct stat info;
    // Links are followed: it is the file that is mapped.
    if (stat(entry->path().c_str(), &info) != 0) continue;
    files.push_back(absl::StrFormat("%s %d %d.%09d %d:%d\n", entry->path().filename().string(), info.st_size,
                                    info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_dev, info.st_ino));
  }
  std::sort(files.begin(), files.end());
  return absl::StrJoin(files, "");
}

// Adds the versions in the folder of a model.
absl::Status ScanModel(const fs::path& model, std::vector<StoredVersion>* found) {
  std::error_code error;
  for (fs::directory_iterator entry(model, error), end; !error && entry != end; entry.increment(error)) {
    StoredVersion stored;
    stored.model = model.filename();
    // 0 stands for "none" wherever versions are asked for.
    const std::optional<uint64_t> version = VersionOfFolder(entry->path().filename().string());
    if (version.value_or(0) == 0) continue;
    stored.version = *version;
    stored.path = entry->path();
    std::error_code inner;
    stored.signature = SignatureOf(stored.path, &inner);
    // One that this user must not read holds nothing to serve.
    if (IsGone(inner) || inner == std::errc::permission_denied) continue;
    if (inner) return Unreadable(stored.path, inner);
    if (FindVersionForm(stored.path).has_value()) found->push_back(std::move(stored));
  }
  return error && !IsGone(error) ? Unreadable(model, error) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<StoredVersion>> ScanModelStore(const std::string& root) {
  std::error_code error;
  if (!fs::is_directory(root, error)) {
    if (error && !IsGone(error)) return Unreadable(root, error);
    return absl::NotFoundError(absl::StrFormat("model store '%s' is not a directory", root));
  }
  std::vector<StoredVersion> found;
  for (fs::directory_iterator model(root, error), end; !error && model != end; model.increment(error)) {
    // Of the file system, and root's alone.
    if (model->path().filename() == "lost+found") continue;
    RETURN_IF_ERROR(ScanModel(model->path(), &found));
  }
  if (error) return Unreadable(root, error);
  std::sort(found.begin(), found.end(), [](const StoredVersion& a, const StoredVersion& b) {
    return std::tie(a.model, a.version) < std::tie(b.model, b.version);
  });
  return found;
}

std::string SignatureOf(const std::string& folder) {
  std::error_code ignored;
  return SignatureOf(folder, &ignored);
}

}  // namespace kindred
