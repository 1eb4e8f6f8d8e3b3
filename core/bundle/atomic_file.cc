#include "core/bundle/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

absl::Status SystemError(std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, StrCat("cannot write ", path, ": ", what));
}

absl::Status WriteAll(int fd, std::span<const std::byte> bytes, const std::string& path) {
  // Linux writes at most 0x7ffff000 bytes at once.
  constexpr size_t kChunk = size_t{1} << 30;
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), std::min(bytes.size(), kChunk));
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError("write", path);
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

}  // namespace

AtomicFile::AtomicFile(std::string path, std::string directory, std::string temporary, int fd, bool existed)
    : path_(std::move(path)),
      directory_(std::move(directory)),
      temporary_(std::move(temporary)),
      fd_(fd),
      existed_(existed) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      directory_(std::move(other.directory_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::exchange(other.fd_, -1)),
      existed_(other.existed_) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) close(fd_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

absl::StatusOr<AtomicFile> AtomicFile::Create(const std::string& path) {
  struct stat info;
  const bool existed = lstat(path.c_str(), &info) == 0;
  if (existed && !S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode)) {
    return absl::InvalidArgumentError(
        StrCat("cannot write ", path, ": it exists and is not a regular file; choose another path"));
  }
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
  const std::string base = path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (base.empty()) return absl::InvalidArgumentError(StrCat("cannot write \"", path, "\": no file name"));

  static std::atomic<uint64_t> counter{0};
  std::string temporary;
  int fd = -1;
  do {
    temporary = StrCat(directory, "/.", base, ".", getpid(), ".", counter.fetch_add(1), ".tmp");
    fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EEXIST);
  if (fd < 0) return SystemError(StrCat("create a temporary file in ", directory), path);
  return AtomicFile(path, directory, temporary, fd, existed);
}

absl::Status AtomicFile::Write(std::span<const std::byte> bytes) { return WriteAll(fd_, bytes, path_); }

absl::Status AtomicFile::Publish() {
  if (fsync(fd_) != 0) return SystemError("fsync", path_);
  // A network file system may report a failed write only here.
  if (close(std::exchange(fd_, -1)) != 0) return SystemError("close", path_);
  const int directory_fd = open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0) return SystemError(StrCat("open ", directory_), path_);
  absl::Cleanup close_directory = [directory_fd] { close(directory_fd); };
  if (rename(temporary_.c_str(), path_.c_str()) != 0) return SystemError("rename", path_);
  temporary_.clear();
  // EINVAL: a file system that cannot sync directories, and needs no such call.
  if (fsync(directory_fd) != 0 && errno != EINVAL) {
    absl::Status status = SystemError(StrCat("fsync ", directory_), path_);
    if (!existed_) unlink(path_.c_str());
    return status;
  }
  return absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path, std::span<const std::span<const std::byte>> parts) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  for (std::span<const std::byte> part : parts) RETURN_IF_ERROR(file.Write(part));
  return file.Publish();
}

}  // namespace kindred
