// What an input file is, before it is read. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

enum class InputFormat : uint8_t { kCsv, kJsonLines, kParquet };

// By name: .csv, .tsv, .txt, .jsonl, .ndjson, .json, each also with .gz; .parquet, .pq. By its first bytes when the
// name says nothing, CSV in doubt. Errors as InputFileSize.
absl::StatusOr<InputFormat> FormatOf(const std::string& path);

// INVALID_ARGUMENT when writing `out` would replace one of `inputs`, by whatever name; empty paths are none.
absl::Status CheckIsNoInput(const std::string& out, const std::vector<std::string>& inputs);

}  // namespace kindred
