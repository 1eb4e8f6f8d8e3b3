// A whole file in memory, read-only: mapped, or copied. Immutable and thread-safe; let go of on destruction.
//
// A map shows what happens to the file. Cut short or unreadable, its reads fault, which the fault guard turns into
// zeros and `faulted` (fault_guard.h); overwritten in place, it reads as what was written. Deleted or replaced by a
// rename it stays what it was. A copy shows nothing of all that.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"
#include "core/bundle/fault_guard.h"

namespace kindred {

enum class LoadMode : uint8_t {
  kMap,   // shared with the page cache: takes no memory of its own, and shows what happens to the file
  kCopy,  // read into private memory once
};

class MappedFile {
 public:
  // Maps or copies `path` (a regular file; symbolic links are followed). NOT_FOUND, PERMISSION_DENIED,
  // RESOURCE_EXHAUSTED where memory or descriptors are short, or INVALID_ARGUMENT for anything that is not a regular
  // file, is empty, cannot be read or mapped, or changes while it is copied; CANCELLED when `go_on`, which is asked
  // before every few MiB of a copy, says no. The message names the path.
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path, LoadMode mode,
                                                                const GoOn& go_on);
  static absl::StatusOr<std::shared_ptr<const MappedFile>> Open(const std::string& path,
                                                                LoadMode mode = LoadMode::kMap);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }
  const std::string& path() const { return path_; }
  LoadMode mode() const { return mode_; }

  // Whether pages of the map went away: then all of it reads as zeros. Never of a copy. One load.
  bool faulted() const { return range_ != nullptr && range_->faulted(); }

  // Whether the file is still what was mapped, by one fstat, whatever has become of its name. DATA_LOSS where its size
  // is another one or it cannot be looked at any more, FAILED_PRECONDITION where it was only written to (its contents
  // may be what they were), UNAVAILABLE as Read. OK of a copy.
  absl::Status CheckUnchanged() const;

  // bytes()[offset, offset + into.size()) as the file has them now, without touching the map; of a copy, from memory.
  // DATA_LOSS where the file is too short for that or its medium cannot be read (EIO, ESTALE); UNAVAILABLE where the
  // read failed for another reason, which says nothing about the file. REQUIRES: the range is within bytes().
  absl::Status Read(uint64_t offset, std::span<std::byte> into) const;

  // Lets go of the pages that reading the map has made resident; they stay in the page cache. Nothing of a copy.
  void ReleasePages() const;

  // Makes pages of [offset, offset + size) resident, so that reading them does not wait. Nothing of a copy. REQUIRES:
  // the range is within bytes().
  void Populate(uint64_t offset, uint64_t size) const;

 private:
  MappedFile(std::string path, LoadMode mode, std::span<const std::byte> bytes, int fd, const struct stat& opened)
      : path_(std::move(path)), mode_(mode), bytes_(bytes), fd_(fd), opened_(opened) {
    if (mode == LoadMode::kMap) range_ = GuardedRange::Add(bytes);
  }

  std::string path_;
  LoadMode mode_;
  std::span<const std::byte> bytes_;
  int fd_;  // of a map; −1
  struct stat opened_;
  GuardedRange* range_ = nullptr;  // of a map
};

}  // namespace kindred
