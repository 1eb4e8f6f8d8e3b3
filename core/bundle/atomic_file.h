// Publishes a file whole or not at all.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kindred {

// A file that is written piece by piece beside `path` and takes its name at the end. Movable; one thread at a time.
class AtomicFile {
 public:
  // Makes a temporary file beside `path`, which may exist only as a regular file (or a symbolic link, which is
  // replaced). Errors carry the system's reason.
  static absl::StatusOr<AtomicFile> Create(const std::string& path);
  // Removes the temporary file unless it was published.
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  absl::Status Write(std::span<const std::byte> bytes);
  // Syncs the file, renames it to `path` and syncs the directory. On error nothing is at `path` that was not there
  // before (when only the last sync fails, an older file there has been replaced). REQUIRES: not called before.
  absl::Status Publish();

 private:
  AtomicFile(std::string path, std::string directory, std::string temporary, int fd, bool existed);
  std::string path_, directory_, temporary_;
  int fd_ = -1;
  bool existed_ = false;
};

// Writes `parts`, one after the other, as an AtomicFile, and publishes it. Thread-safe.
absl::Status WriteFileAtomically(const std::string& path, std::span<const std::span<const std::byte>> parts);

}  // namespace kindred
