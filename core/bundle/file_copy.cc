#include "core/bundle/file_copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

constexpr uint64_t kChunk = uint64_t{8} << 20;

class Copy {
 public:
  Copy(int in, int out, uint64_t size, const std::function<void(uint64_t, uint64_t)>& progress)
      : in_(in), out_(out), size_(size), progress_(progress) {}

  // 0 or what errno says.
  int Run() {
    Tell();
    if (ioctl(out_, FICLONE, in_) == 0) {
      done_ = size_;
      Tell();
      return 0;
    }
    if (const int error = InKernel(); error != 0) return error;
    return ByHand();
  }

 private:
  void Tell() const {
    if (progress_ != nullptr) progress_(done_, size_);
  }

  int InKernel() {
    while (done_ < size_) {
      const ssize_t copied = copy_file_range(in_, nullptr, out_, nullptr, std::min(kChunk, size_ - done_), 0);
      if (copied < 0 && errno == EINTR) continue;
      // Where two file systems cannot do that for one another, nothing of this chunk was copied.
      if (copied < 0) return errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG ? errno : 0;
      if (copied == 0) return 0;
      done_ += static_cast<uint64_t>(copied);
      Tell();
    }
    return 0;
  }

  int ByHand() {
    std::vector<char> buffer(done_ < size_ ? kChunk : 0);
    while (done_ < size_) {
      const ssize_t got = read(in_, buffer.data(), std::min<uint64_t>(buffer.size(), size_ - done_));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno;
      if (got == 0) return EIO;  // it became shorter meanwhile
      for (ssize_t at = 0; at < got;) {
        const ssize_t put = write(out_, buffer.data() + at, static_cast<size_t>(got - at));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        at += put;
      }
      done_ += static_cast<uint64_t>(got);
      Tell();
    }
    return 0;
  }

  const int in_, out_;
  const uint64_t size_;
  uint64_t done_ = 0;
  const std::function<void(uint64_t, uint64_t)>& progress_;
};

}  // namespace

absl::Status CopyFileSynced(const std::string& from, const std::string& to,
                            const std::function<void(uint64_t done, uint64_t total)>& progress) {
  const auto error = [&](std::string_view what, int number) {
    return absl::ErrnoToStatus(number, StrCat("cannot copy ", from, " to ", to, ": ", what));
  };
  const int in = open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (in < 0) return error("open the first", errno);
  const absl::Cleanup close_in = [in] { close(in); };
  struct stat info;
  if (fstat(in, &info) != 0) return error("stat", errno);
  const int out = open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (out < 0) return error("create the second", errno);
  absl::Cleanup close_out = [out] { close(out); };
  if (const int number = Copy(in, out, static_cast<uint64_t>(info.st_size), progress).Run(); number != 0) {
    return error("write", number);
  }
  if (fsync(out) != 0) return error("fsync", errno);
  std::move(close_out).Cancel();
  // A network file system may report a failed write only here.
  if (close(out) != 0) return error("close", errno);
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, StrCat("cannot open the folder ", folder));
  const absl::Cleanup close_folder = [fd] { close(fd); };
  // EINVAL: a file system that cannot sync directories, and needs no such call.
  if (fsync(fd) != 0 && errno != EINVAL) return absl::ErrnoToStatus(errno, StrCat("cannot sync the folder ", folder));
  return absl::OkStatus();
}

}  // namespace kindred
