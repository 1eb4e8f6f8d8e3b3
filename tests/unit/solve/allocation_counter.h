// Counts what this test binary allocates with operator new.
#pragma once

#include <cstdint>

namespace kindred::testing {

// Calls of operator new by the current thread so far.
uint64_t AllocationCount();

}  // namespace kindred::testing
