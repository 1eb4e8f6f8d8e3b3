// Publishes a file whole or not at all.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "absl/status/status.h"

namespace kindred {

// Writes `parts`, one after the other, to a temporary file beside `path`, syncs it, renames it to `path` and syncs the
// directory. `path` may exist only as a regular file (or a symbolic link, which is replaced). Errors carry the system's
// reason; on error the temporary file is gone and nothing is at `path` that was not there before (when only the last
// sync fails, an older file there has been replaced). Thread-safe.
absl::Status WriteFileAtomically(const std::string& path, std::span<const std::span<const std::byte>> parts);

}  // namespace kindred
