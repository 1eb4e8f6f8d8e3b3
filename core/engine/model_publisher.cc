#include "core/engine/model_publisher.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/bundle/file_copy.h"
#include "core/bundle/store_layout.h"
#include "core/engine/derive.h"
#include "core/engine/golden.h"
#include "core/engine/model.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

// The highest version that a folder of a model has, whatever is in it; 0: none.
uint64_t HighestVersion(const std::string& model_dir) {
  uint64_t highest = 0;
  std::error_code error;
  for (fs::directory_iterator entry(model_dir, error), end; !error && entry != end; entry.increment(error)) {
    highest = std::max(highest, VersionOfFolder(entry->path().filename().string()).value_or(0));
  }
  return highest;
}

// Opens and locks a publisher's folder; -1 where another process has it.
int LockFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// What died publishers left. Nobody's lock is on it, and it is too old for one that is about to take its lock.
void RemoveLeftovers(const std::string& model_dir) {
  std::error_code error;
  for (fs::directory_iterator entry(model_dir, error), end; !error && entry != end; entry.increment(error)) {
    const std::string folder = entry->path().string();
    struct stat info;
    if (!entry->path().filename().string().starts_with(kPublishPrefix) || lstat(folder.c_str(), &info) != 0) continue;
    const std::chrono::seconds age(time(nullptr) - info.st_mtime);
    if (age < kPublishLeftoverAge) continue;
    const int lock = LockFolder(folder);
    if (lock < 0) continue;
    std::error_code ignored;
    fs::remove_all(folder, ignored);
    close(lock);
  }
}

class Publisher {
 public:
  Publisher(std::string file, std::string model_dir, const PublishOptions& options)
      : file_(std::move(file)), model_dir_(std::move(model_dir)), options_(options) {}

  absl::StatusOr<Published> Publish() {
    RETURN_IF_ERROR(NameModel());
    RETURN_IF_ERROR(CheckFile());
    RETURN_IF_ERROR(MakeModelFolder());
    RemoveLeftovers(model_dir_);
    const uint64_t first = options_.version != 0 ? options_.version : HighestVersion(model_dir_);
    if (first != 0) {
      ASSIGN_OR_RETURN(const bool there, IsThere(first));
      if (there) return Done(first, true);
    }
    if (options_.version == 0) RETURN_IF_ERROR(NextVersion().status());
    return CopyAndRename();
  }

 private:
  void Tell(std::string_view step, uint64_t done = 0, uint64_t total = 0) const {
    if (options_.progress != nullptr) options_.progress(step, done, total);
  }

  // The folder's name is the model's.
  absl::Status NameModel() {
    std::error_code error;
    model_ = fs::absolute(model_dir_, error).lexically_normal().filename().string();
    if (model_.empty()) model_ = fs::absolute(model_dir_, error).lexically_normal().parent_path().filename().string();
    while (model_dir_.size() > 1 && model_dir_.back() == '/') model_dir_.pop_back();
    if (!error && !model_.empty() && model_[0] != '.') return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrFormat("'%s': is not the folder of a model; name one such as models/groceries", model_dir_));
  }

  absl::Status CheckFile() {
    Tell("checking");
    ASSIGN_OR_RETURN(const auto model, Model::Load(file_, model_));
    if (model->name() != model_) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%s: is a bundle of model '%s', and %s is the folder of model '%s'; publish it to a folder of "
          "that name, or pack it with --model %s",
          file_, model->name(), model_dir_, model_, model_));
    }
    RETURN_IF_ERROR(CheckDerived(model->info(), model->tensors()));
    if (const auto golden = CheckGoldenQueries(*model); !golden.ok()) {
      return absl::Status(golden.status().code(),
                          absl::StrFormat("%s: %s; it does not answer here as where it was packed: pack it again with "
                                          "this build (kindred pack --in)",
                                          file_, golden.status().message()));
    }
    digest_ = model->digest();
    bytes_ = model->info().file_size;
    return absl::OkStatus();
  }

  // The version after the highest.
  absl::StatusOr<uint64_t> NextVersion() const {
    const uint64_t highest = HighestVersion(model_dir_);
    if (highest < std::numeric_limits<uint64_t>::max()) return highest + 1;
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: has a folder %d, the highest version there can be, so no version can follow it; rename or delete that "
        "folder, or say --version",
        model_dir_, highest));
  }

  absl::Status MakeModelFolder() const {
    std::error_code error;
    const fs::path folder = fs::absolute(model_dir_, error).lexically_normal();
    if (!error && fs::is_directory(folder, error)) return absl::OkStatus();
    fs::create_directories(folder, error);
    if (error) {
      return absl::ErrnoToStatus(error.value(),
                                 absl::StrFormat("cannot make the folder of model '%s', %s", model_, model_dir_));
    }
    return SyncFolder(folder.parent_path().string());
  }

  // Whether `version` holds this bundle, whole. Where the caller named it: ALREADY_EXISTS if it holds something else,
  // DATA_LOSS if it was this bundle and is damaged.
  absl::StatusOr<bool> IsThere(uint64_t version) const {
    const std::string folder = absl::StrCat(model_dir_, "/", version);
    std::error_code error;
    if (!fs::exists(folder, error) || fs::is_empty(folder, error)) return false;
    const std::string path = BundlePath(version);
    const auto info = InspectBundle(path);
    // The header alone vouches for no tensor. A raw bundle has no digest without reading it all.
    if (info.ok() && info->file_size == bytes_ && (!info->sealed || info->digest == digest_)) {
      Tell("checking what is there");
      const auto there = Model::Load(path, model_);
      if (there.ok() && (*there)->digest() == digest_) return true;
      const absl::Status& found = there.status();
      if (!found.ok() && !absl::IsInvalidArgument(found) && !absl::IsNotFound(found)) return found;
      if (!found.ok() && info->sealed && options_.version != 0) return Damaged(version, found);
    }
    if (options_.version == 0) return false;
    const absl::StatusOr<uint64_t> next = NextVersion();
    return absl::AlreadyExistsError(absl::StrFormat(
        "version %d of model '%s' exists and is not this bundle: %s; a version is never replaced, as someone may be "
        "serving it: publish another version%s",
        version, model_, folder, next.ok() ? absl::StrFormat(" (without --version it is %d)", *next) : ""));
  }

  absl::Status Damaged(uint64_t version, const absl::Status& found) const {
    return absl::DataLossError(absl::StrFormat(
        "version %d of model '%s' is this bundle, but it cannot be read as it was published: %s; publish it without "
        "--version, as a new one, and delete this one when nobody serves it",
        version, model_, found.message()));
  }

  std::string BundlePath(uint64_t version) const {
    return absl::StrCat(model_dir_, "/", version, "/", std::string(kBundleFileName));
  }

  Published Done(uint64_t version, bool already) const {
    return {version, BundlePath(version), digest_, bytes_, already};
  }

  absl::StatusOr<Published> CopyAndRename() {
    ASSIGN_OR_RETURN(const std::string folder, MakeTemporaryFolder());
    absl::Cleanup remove = [&folder] {
      std::error_code ignored;
      fs::remove_all(folder, ignored);
    };
    // Goes with this process, however that ends.
    const int lock = LockFolder(folder);
    if (lock < 0) return absl::UnavailableError(absl::StrFormat("cannot lock %s; try again", folder));
    const absl::Cleanup unlock = [lock] { close(lock); };
    const std::string copy = absl::StrCat(folder, "/", std::string(kBundleFileName));
    RETURN_IF_ERROR(CopyFileSynced(file_, copy, [this](uint64_t done, uint64_t all) { Tell("copying", done, all); }));
    Tell("checking the copy");
    ASSIGN_OR_RETURN(const auto model, Model::Load(copy, model_));
    if (model->digest() != digest_) {
      return absl::DataLossError(
          absl::StrFormat("%s: changed while it was copied: its digest was %s and is %s; publish "
                          "it again when nobody writes to it",
                          file_, digest_, model->digest()));
    }
    Tell("syncing");
    RETURN_IF_ERROR(SyncFolder(folder));
    ASSIGN_OR_RETURN(const uint64_t version, Rename(folder));
    std::move(remove).Cancel();
    RETURN_IF_ERROR(SyncFolder(model_dir_));
    return Done(version, false);
  }

  absl::StatusOr<std::string> MakeTemporaryFolder() const {
    std::random_device random;
    while (true) {
      const std::string folder =
          absl::StrFormat("%s/%s%08x%08x", model_dir_, kPublishPrefix, uint32_t{random()}, uint32_t{random()});
      if (mkdir(folder.c_str(), 0755) == 0) return folder;
      if (errno != EEXIST) return absl::ErrnoToStatus(errno, absl::StrFormat("cannot make a folder in %s", model_dir_));
    }
  }

  // The name decides: a folder takes none that another with something in it has.
  absl::StatusOr<uint64_t> Rename(const std::string& folder) {
    while (true) {
      uint64_t version = options_.version;
      if (version == 0) {
        ASSIGN_OR_RETURN(version, NextVersion());
      }
      if (rename(folder.c_str(), absl::StrCat(model_dir_, "/", version).c_str()) == 0) return version;
      if (errno != EEXIST && errno != ENOTEMPTY) {
        return absl::ErrnoToStatus(
            errno, absl::StrFormat("cannot rename %s to version %d of model '%s'", folder, version, model_));
      }
      // Another publisher was faster.
      if (options_.version == 0) continue;
      ASSIGN_OR_RETURN(const bool there, IsThere(version));
      if (!there) continue;
      std::error_code ignored;
      fs::remove_all(folder, ignored);
      return version;
    }
  }

  const std::string file_;
  std::string model_dir_, model_;
  const PublishOptions& options_;
  std::string digest_;
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<Published> PublishBundle(const std::string& file, const std::string& model_dir,
                                        const PublishOptions& options) {
  return Publisher(file, model_dir, options).Publish();
}

}  // namespace kindred
