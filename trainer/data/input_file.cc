#include "trainer/data/input_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
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

absl::StatusOr<InputFormat> FormatOf(const std::string& path) {
  RETURN_IF_ERROR(InputFileSize(path).status());
  std::string name = absl::AsciiStrToLower(path);
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  const auto is = [&](std::initializer_list<std::string_view> endings) {
    return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
  };
  if (is({".csv", ".tsv", ".txt"})) return InputFormat::kCsv;
  if (is({".jsonl", ".ndjson", ".json"})) return InputFormat::kJsonLines;
  if (is({".parquet", ".pq"})) return InputFormat::kParquet;
  char begin[4] = {};
  std::ifstream(path, std::ios::binary).read(begin, sizeof(begin));
  if (std::string_view(begin, sizeof(begin)) == "PAR1") return InputFormat::kParquet;
  return begin[0] == '{' ? InputFormat::kJsonLines : InputFormat::kCsv;
}

absl::Status CheckIsNoInput(const std::string& out, const std::vector<std::string>& inputs) {
  std::error_code error;
  for (const std::string& input : inputs) {
    if (out.empty() || input.empty() || !std::filesystem::equivalent(out, input, error) || error) continue;
    return absl::InvalidArgumentError(
        StrCat(out, ": is an input, which writing would replace; name another file for the output"));
  }
  return absl::OkStatus();
}

}  // namespace kindred
