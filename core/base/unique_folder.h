// A folder of one's own.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace kindred {

// Makes a folder whose path begins with `prefix` and goes on with six characters that no other has; only its owner may
// look into it. Whoever asked for it removes it. Errors carry the system's reason. Thread-safe; processes do not get in
// one another's way.
absl::StatusOr<std::string> MakeUniqueFolder(const std::string& prefix);

}  // namespace kindred
