#include "trainer/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace kindred {

int DefaultThreads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

void ParallelFor(int64_t n, int64_t block, int threads, const std::function<void(int64_t, int64_t)>& body) {
  const int64_t blocks = (n + block - 1) / block;
  std::atomic<int64_t> next{0};
  const auto work = [&] {
    for (int64_t i = next.fetch_add(1); i < blocks; i = next.fetch_add(1)) {
      body(i * block, std::min(n, (i + 1) * block));
    }
  };
  std::vector<std::thread> others;
  const int64_t extra = std::min<int64_t>(threads, blocks) - 1;
  for (int64_t t = 0; t < extra; ++t) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
}

}  // namespace kindred
