// What an input file is, before it is read. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

enum class InputFormat : uint8_t { kCsv, kJsonLines, kParquet };

// Its size in bytes. NOT_FOUND when there is no such file, INVALID_ARGUMENT when it is a folder or cannot be looked at.
absl::StatusOr<uint64_t> InputFileSize(const std::string& path);

// By name: .csv, .tsv, .txt, .jsonl, .ndjson, .json, each also with .gz; .parquet, .pq. By its first bytes when the
// name says nothing, CSV in doubt. Errors as above.
absl::StatusOr<InputFormat> FormatOf(const std::string& path);

// INVALID_ARGUMENT when writing `out` would replace one of `inputs`, by whatever name; empty paths are none.
absl::Status CheckIsNoInput(const std::string& out, const std::vector<std::string>& inputs);

}  // namespace kindred
