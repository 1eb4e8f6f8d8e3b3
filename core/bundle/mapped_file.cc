#include "core/bundle/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "core/base/read_once.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

// Reads take at most this much, so that a copy that is not wanted any more does not hold a disk for long.
constexpr size_t kReadBytes = size_t{16} << 20;

// Why a file could not be read: DATA_LOSS where its medium is damaged or it is no longer where it was opened,
// UNAVAILABLE for anything else, which may pass and says nothing of what the file holds.
absl::Status ReadError(int error, const std::string& what) {
  const absl::Status status = absl::ErrnoToStatus(error, what);
  const bool lost = error == EIO || error == ESTALE;
  return absl::Status(lost ? absl::StatusCode::kDataLoss : absl::StatusCode::kUnavailable, status.message());
}

bool SameTime(const struct timespec& a, const struct timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Reads exactly [offset, offset + into.size()). Errors name no path.
absl::Status ReadAt(int fd, uint64_t offset, std::span<std::byte> into) {
  for (size_t done = 0; done < into.size();) {
    const ssize_t got =
        pread(fd, into.data() + done, std::min(kReadBytes, into.size() - done), static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ReadError(errno, StrCat("cannot read at byte ", offset + done));
    if (got == 0) {
      return absl::DataLossError(
          StrCat("the file ends at byte ", offset + done, ", expected ", into.size() - done, " bytes more"));
    }
    done += static_cast<size_t>(got);
  }
  return absl::OkStatus();
}

// Anonymous memory that holds the whole file, read-only.
absl::StatusOr<void*> CopyFile(const std::string& path, int fd, const struct stat& opened, const GoOn& go_on) {
  const auto size = static_cast<size_t>(opened.st_size);
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::ErrnoToStatus(errno, StrCat(path, ": no memory for a copy of ", size, " bytes")).message());
  }
  absl::Cleanup unmap = [address, size] { munmap(address, size); };
#ifdef MADV_HUGEPAGE
  madvise(address, size, MADV_HUGEPAGE);
#endif
  const std::span<std::byte> bytes(static_cast<std::byte*>(address), size);
  for (size_t at = 0; at < size; at += kReadBytes) {
    if (!go_on()) return absl::CancelledError(StrCat(path, ": copying it into memory was given up"));
    const absl::Status read = ReadAt(fd, at, bytes.subspan(at, std::min(kReadBytes, size - at)));
    if (absl::IsDataLoss(read)) return absl::InvalidArgumentError(StrCat(path, ": ", read.message()));
    if (!read.ok()) return absl::Status(read.code(), StrCat(path, ": ", read.message()));
  }
  struct stat now;
  if (fstat(fd, &now) != 0) return absl::ErrnoToStatus(errno, StrCat("cannot stat ", path));
  if (now.st_size != opened.st_size || !SameTime(now.st_mtim, opened.st_mtim)) {
    return absl::InvalidArgumentError(StrCat(path, ": the file changed while it was read (", opened.st_size,
                                             " bytes before, ", now.st_size,
                                             " after); write bundles under another name and rename them"));
  }
  if (mprotect(address, size, PROT_READ) != 0) {
    return absl::ResourceExhaustedError(
        absl::ErrnoToStatus(errno, StrCat(path, ": cannot protect the copy")).message());
  }
  std::move(unmap).Cancel();
  return address;
}

absl::StatusOr<void*> MapFile(const std::string& path, int fd, size_t size) {
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) {
    return absl::InvalidArgumentError(
        absl::ErrnoToStatus(errno, StrCat(path, ": cannot map ", size, " bytes")).message());
  }
#ifdef MADV_HUGEPAGE
  // Look-ups and scans touch more pages than a core keeps translations of: with huge ones, where the file system has
  // them, 10,000 look-ups among 1,000,000 ids take 170 instead of 300 µs. A refusal costs nothing else.
  madvise(address, size, MADV_HUGEPAGE);
#endif
  return address;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path, LoadMode mode) {
  return Open(path, mode, GoOn());
}

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path, LoadMode mode,
                                                                   const GoOn& go_on) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang before fstat can say what it is.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    absl::Status status = absl::ErrnoToStatus(error, StrCat("cannot open ", path));
    // ENOTDIR, ENAMETOOLONG, ELOOP and the like: the path does not lead to a file.
    if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(status.message());
    if (error == EMFILE || error == ENFILE || error == ENOMEM) return absl::ResourceExhaustedError(status.message());
    return absl::NotFoundError(status.message());
  }
  absl::Cleanup close_fd = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, StrCat("cannot stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(StrCat(path, ": is not a regular file"));
  }
  if (info.st_size == 0) return absl::InvalidArgumentError(StrCat(path, ": the file is empty"));
  const size_t size = static_cast<size_t>(info.st_size);
  const bool copy = mode == LoadMode::kCopy;
  ASSIGN_OR_RETURN(void* const address, copy ? CopyFile(path, fd, info, go_on) : MapFile(path, fd, size));
  if (!copy) std::move(close_fd).Cancel();
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, mode, {static_cast<const std::byte*>(address), size}, copy ? -1 : fd, info));
}

MappedFile::~MappedFile() {
  if (range_ != nullptr) GuardedRange::Remove(range_);
  munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  if (fd_ >= 0) close(fd_);
}

absl::Status MappedFile::CheckUnchanged() const {
  if (fd_ < 0) return absl::OkStatus();
  struct stat now;
  if (fstat(fd_, &now) != 0) return ReadError(errno, StrCat("cannot stat ", path_));
  if (now.st_size != opened_.st_size) {
    return absl::DataLossError(StrCat(path_, ": has ", now.st_size, " bytes, expected the ", opened_.st_size,
                                      " that were mapped; never edit a published file"));
  }
  if (!SameTime(now.st_mtim, opened_.st_mtim)) {
    return absl::FailedPreconditionError(
        StrCat(path_, ": was written to since it was mapped; never edit a published file"));
  }
  return absl::OkStatus();
}

absl::Status MappedFile::Read(uint64_t offset, std::span<std::byte> into) const {
  if (fd_ < 0) {
    std::memcpy(into.data(), bytes_.data() + offset, into.size());
    return absl::OkStatus();
  }
  const absl::Status read = ReadAt(fd_, offset, into);
  if (read.ok()) return absl::OkStatus();
  return absl::Status(read.code(), StrCat(path_, ": ", read.message()));
}

void MappedFile::ReleasePages() const {
  // Of anonymous memory this would be the end of what it holds.
  if (mode_ != LoadMode::kMap || faulted()) return;
  madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

void MappedFile::Populate(uint64_t offset, uint64_t size) const {
  if (mode_ != LoadMode::kMap || size == 0) return;
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t begin = offset / page * page, end = offset + size;
#ifdef MADV_POPULATE_READ
  // Since Linux 5.14. Where the file has lost pages this says so instead of raising a signal.
  if (madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_POPULATE_READ) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) return;
#endif
  for (uint64_t at = begin; at < end; at += page) ReadOnce(bytes_[at]);
}

}  // namespace kindred
