#include "core/base/unique_folder.h"

#include <cerrno>
#include <cstdlib>

#include "core/base/str_cat.h"

namespace kindred {

absl::StatusOr<std::string> MakeUniqueFolder(const std::string& prefix) {
  constexpr size_t kUniqueCharacters = 6;
  std::string path = prefix + std::string(kUniqueCharacters, 'X');  // what mkdtemp replaces
  if (mkdtemp(path.data()) == nullptr) {
    return absl::ErrnoToStatus(errno, StrCat("cannot make a folder ", prefix, "…"));
  }
  return path;
}

}  // namespace kindred
