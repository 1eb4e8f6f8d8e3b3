#include "core/packing/making_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/unique_folder.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = ".making-";
// How often a folder may be taken for dead between its making and its locking.
constexpr int kAttempts = 100;

// The lock of a folder, held as long as the descriptor is open; −1 when somebody else has it or it is gone.
int Lock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && access(path.c_str(), F_OK) == 0) return fd;
  close(fd);
  return -1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MakingFolder>> MakingFolder::Create(const std::string& parent) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    ASSIGN_OR_RETURN(std::string path, MakeUniqueFolder(StrCat(parent, "/", kPrefix)));
    const int fd = Lock(path);
    if (fd >= 0) return std::unique_ptr<MakingFolder>(new MakingFolder(std::move(path), fd));
  }
  return absl::UnavailableError(StrCat("cannot lock a folder in ", parent));
}

MakingFolder::~MakingFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
  close(fd_);
}

void MakingFolder::RemoveDead(const std::string& parent) {
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!entry->path().filename().string().starts_with(kPrefix)) continue;
    const int fd = Lock(path);
    if (fd < 0) continue;
    std::error_code ignored;
    fs::remove_all(path, ignored);
    close(fd);
  }
}

}  // namespace kindred
