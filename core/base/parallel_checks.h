// Checks that do not depend on one another, by several threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <new>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "core/base/go_on.h"

namespace kindred {

// Runs every check, each once, by at most `n_threads` threads of which the caller's is one, and returns the first of
// them in order that failed: the same whatever the threads do, unless it is given up. A check without memory
// (bad_alloc) is RESOURCE_EXHAUSTED. `go_on` is asked before each: CANCELLED when it says no. REQUIRES: checks throw
// nothing else.
inline absl::Status RunChecks(std::span<const std::function<absl::Status()>> checks, unsigned n_threads,
                              const GoOn& go_on) {
  std::vector<absl::Status> results(checks.size());
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next.fetch_add(1); i < checks.size(); i = next.fetch_add(1)) {
      try {
        results[i] = go_on() ? checks[i]() : absl::CancelledError("the checks were given up");
      } catch (const std::bad_alloc&) {
        results[i] = absl::ResourceExhaustedError("no memory was left for a check");
      }
    }
  };
  std::vector<std::thread> threads;
  try {
    while (threads.size() + 1 < n_threads && threads.size() + 1 < checks.size()) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // Those there are do it all.
  }
  work();
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) {
    if (!result.ok()) return result;
  }
  return absl::OkStatus();
}

// Threads for checks at load: few, for a server that serves meanwhile.
inline unsigned CheckThreads() {
  const unsigned cores = std::thread::hardware_concurrency();
  return cores < 2 ? 1 : (cores < 4 ? cores : 4);
}

}  // namespace kindred
