// What becomes of a file that is in use, by what the file system says of it: works on any of them. Not thread-safe.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace kindred {

enum class FileChange : uint8_t {
  kNone,
  kTouched,     // times changed, the size did not: whether the content did, only reading it tells
  kUnreadable,  // may not be read any more
  kDeleted,     // no longer at its path, or another file is; what was opened lives on
  kModified,    // another size
};
std::string_view FileChangeName(FileChange change);  // "touched", "unreadable", "deleted", "modified"

class WatchedFile {
 public:
  // Takes what is at `path` now as it should be. A file that is not there was deleted.
  explicit WatchedFile(std::string path);
  ~WatchedFile();
  WatchedFile(const WatchedFile&) = delete;
  WatchedFile& operator=(const WatchedFile&) = delete;

  const std::string& path() const { return path_; }
  // What changed since the last look, the worst of it. Each change is told once. A few system calls.
  FileChange Look();

 private:
  FileChange LookAtContent();
  FileChange LookAtPath();

  std::string path_;
  int fd_;  // -1: there was none
  struct stat seen_ {};
  bool deleted_ = false, unreadable_ = false;
};

}  // namespace kindred
