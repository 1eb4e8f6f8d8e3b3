#include "trainer/data/input_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "core/base/input_file_size.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred {

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
