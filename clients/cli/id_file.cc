#include "clients/cli/id_file.h"

#include <fstream>
#include <iostream>

#include "absl/strings/str_cat.h"

namespace kindred {

absl::StatusOr<std::vector<std::string>> ReadIdFile(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened; expected a file with one id a line"));
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::vector<std::string> ids;
  std::string line;
  bool first = true;
  while (std::getline(in, line)) {
    if (first && line.compare(0, 3, "\xEF\xBB\xBF") == 0) line.erase(0, 3);
    first = false;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) ids.push_back(line);
  }
  if (in.bad()) return absl::UnavailableError(absl::StrCat(path, ": cannot be read to its end"));
  return ids;
}

}  // namespace kindred
