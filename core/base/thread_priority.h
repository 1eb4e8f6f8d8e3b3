// Work that must not be in the way of requests.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

namespace kindred {

// The calling thread yields to others from now on: a niceness of 1 to 19, which on Linux is a thread's own. Best
// effort: a sandbox may forbid it.
inline void LowerPriority(int nice) { (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice); }

}  // namespace kindred
