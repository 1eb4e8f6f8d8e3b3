// Ids from files: one a line.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

// The lines of `path` ("-": standard input) without line ends and a byte order mark; empty ones are left out. NOT_FOUND
// when there is no such file, else what reading says.
absl::StatusOr<std::vector<std::string>> ReadIdFile(const std::string& path);

}  // namespace kindred
