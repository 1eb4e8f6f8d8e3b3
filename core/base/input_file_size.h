// How large a file to be read is.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace kindred {

// In bytes. NOT_FOUND when there is no such file, INVALID_ARGUMENT when it is a folder or cannot be looked at.
absl::StatusOr<uint64_t> InputFileSize(const std::string& path);

}  // namespace kindred
