#include "core/lifecycle/watched_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace kindred {
namespace {

bool SameTime(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

// Without read permission for anyone nobody but root reads it, and not after the next start as another user.
bool Readable(const struct stat& info, const std::string& path) {
  return (info.st_mode & (S_IRUSR | S_IRGRP | S_IROTH)) != 0 &&
         faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0;
}

}  // namespace

std::string_view FileChangeName(FileChange change) {
  switch (change) {
    case FileChange::kNone:
      return "none";
    case FileChange::kTouched:
      return "touched";
    case FileChange::kUnreadable:
      return "unreadable";
    case FileChange::kDeleted:
      return "deleted";
    case FileChange::kModified:
      return "modified";
  }
  return "none";
}

// O_PATH: needs no permission to read, and is no reader in the eyes of others.
WatchedFile::WatchedFile(std::string path) : path_(std::move(path)), fd_(open(path_.c_str(), O_PATH | O_CLOEXEC)) {
  if (fd_ >= 0) fstat(fd_, &seen_);
}

WatchedFile::~WatchedFile() {
  if (fd_ >= 0) close(fd_);
}

FileChange WatchedFile::Look() {
  const FileChange content = LookAtContent();
  return std::max(content, LookAtPath());
}

FileChange WatchedFile::LookAtContent() {
  struct stat now;
  if (fd_ < 0 || fstat(fd_, &now) != 0) return FileChange::kNone;
  const struct stat before = std::exchange(seen_, now);
  if (now.st_size != before.st_size) return FileChange::kModified;
  if (!SameTime(now.st_mtim, before.st_mtim)) return FileChange::kTouched;
  // Times of content can be set back, that of the last change cannot; a new mode, owner or name changes it too.
  const bool explained =
      now.st_mode != before.st_mode || now.st_nlink != before.st_nlink || now.st_uid != before.st_uid;
  return explained || SameTime(now.st_ctim, before.st_ctim) ? FileChange::kNone : FileChange::kTouched;
}

FileChange WatchedFile::LookAtPath() {
  if (deleted_) return FileChange::kNone;
  struct stat at_path;
  if (fd_ < 0 || stat(path_.c_str(), &at_path) != 0 || at_path.st_ino != seen_.st_ino ||
      at_path.st_dev != seen_.st_dev || seen_.st_nlink == 0) {
    deleted_ = true;
    return FileChange::kDeleted;
  }
  const bool unreadable = !Readable(at_path, path_);
  const bool told = std::exchange(unreadable_, unreadable);
  return unreadable && !told ? FileChange::kUnreadable : FileChange::kNone;
}

}  // namespace kindred
