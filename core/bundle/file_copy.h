// Copies a file, as cheaply as the file systems allow.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

namespace kindred {

// Copies the regular file `from` to `to`, which must not exist, and syncs it: shares its blocks where the file system
// can, else copies in the kernel, else by reading and writing. `progress` (may be null) is told bytes done and in all.
// Errors carry the system's reason and both paths; `to` may be left incomplete.
absl::Status CopyFileSynced(const std::string& from, const std::string& to,
                            const std::function<void(uint64_t done, uint64_t total)>& progress);

// Syncs a folder, so that a name in it outlives a loss of power.
absl::Status SyncFolder(const std::string& folder);

}  // namespace kindred
