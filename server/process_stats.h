// What the kernel says of this process (/proc/self).
#pragma once

#include <cstdint>

namespace kindred {

struct ProcessStats {
  double cpu_seconds = 0;    // user and system
  double start_seconds = 0;  // since the Unix epoch
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  uint64_t threads = 0;
  uint64_t open_fds = 0;
  uint64_t max_fds = 0;
};

// Figures that cannot be read are 0.
ProcessStats ReadProcessStats();

}  // namespace kindred
