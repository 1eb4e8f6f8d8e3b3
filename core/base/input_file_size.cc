#include "core/base/input_file_size.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"

namespace kindred {

absl::StatusOr<uint64_t> InputFileSize(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    const std::string message = absl::StrFormat("%s: %s", path, std::strerror(errno));
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(message);
    return absl::InvalidArgumentError(message);
  }
  if (S_ISDIR(info.st_mode)) return absl::InvalidArgumentError(StrCat(path, ": is a directory, expected a file"));
  return static_cast<uint64_t>(info.st_size);
}

}  // namespace kindred
