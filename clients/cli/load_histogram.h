// Latencies in buckets whose width grows with the value (as HdrHistogram's do), so that a quantile is within 1.6 % of
// the truth whatever the range. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

namespace kindred {

class LoadHistogram {
 public:
  void Add(int64_t micros);
  void Add(const LoadHistogram& other);

  // The least value that at least a share q of all are not above, 0 ≤ q ≤ 1, rounded up to its bucket's end and never
  // above the largest; 0 when nothing was added. O(buckets).
  int64_t Quantile(double q) const;

  uint64_t count() const { return count_; }
  int64_t max() const { return max_; }

 private:
  std::vector<uint64_t> buckets_;  // as many as the largest value takes
  uint64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace kindred
