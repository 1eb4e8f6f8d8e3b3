// A read-only memory map of a whole file. Immutable and thread-safe; unmapped on destruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace kindred {

// Where the bytes of a bundle are while it serves.
enum class LoadMode : uint8_t {
  kMap,   // in the file: shared with the page cache, and lost when someone truncates it
  kCopy,  // in memory of the process's own: whatever happens to the file
};

class MappedFile {
 public:
  // Maps `path` (a regular file; symbolic links are followed). NOT_FOUND, PERMISSION_DENIED, or INVALID_ARGUMENT for
  // anything that is not a regular file, is empty, or cannot be mapped; the message names the path.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

 private:
  MappedFile(std::string path, std::span<const std::byte> bytes) : path_(std::move(path)), bytes_(bytes) {}
  std::string path_;
  std::span<const std::byte> bytes_;
};

}  // namespace kindred
