// A loop over independent blocks on a few threads. What a block computes must not depend on which thread runs it; then
// results are the same bits at any thread count.
#pragma once

#include <cstdint>
#include <functional>

namespace kindred {

// Threads to use when the caller does not say: the machine's, at least 1.
int DefaultThreads();

// Calls `body(begin, end)` for consecutive blocks of at most `block` indices that cover [0, n), on up to `threads`
// threads, in no particular order; returns when all are done. Block edges depend on n and block alone.
// REQUIRES: block > 0; body does not throw.
void ParallelFor(int64_t n, int64_t block, int threads, const std::function<void(int64_t, int64_t)>& body);

}  // namespace kindred
