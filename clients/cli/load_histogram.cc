#include "clients/cli/load_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kindred {
namespace {

// 64 buckets for each doubling: a bucket is at most 1/64 of its value wide.
constexpr int kBits = 6;
constexpr uint64_t kBuckets = 1u << kBits;

size_t BucketOf(uint64_t value) {
  if (value < kBuckets) return value;
  const int shift = static_cast<int>(std::bit_width(value)) - 1 - kBits;
  return (static_cast<size_t>(shift) << kBits) + (value >> shift);
}

// The largest value of a bucket.
uint64_t EndOf(size_t bucket) {
  if (bucket < kBuckets) return bucket;
  const size_t shift = (bucket >> kBits) - 1;
  return ((bucket - (shift << kBits) + 1) << shift) - 1;
}

}  // namespace

void LoadHistogram::Add(int64_t micros) {
  const size_t bucket = BucketOf(static_cast<uint64_t>(std::max<int64_t>(micros, 0)));
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  ++count_;
  max_ = std::max(max_, micros);
}

void LoadHistogram::Add(const LoadHistogram& other) {
  buckets_.resize(std::max(buckets_.size(), other.buckets_.size()));
  for (size_t b = 0; b < other.buckets_.size(); ++b) buckets_[b] += other.buckets_[b];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

int64_t LoadHistogram::Quantile(double q) const {
  const auto wanted = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_))));
  uint64_t seen = 0;
  for (size_t b = 0; b < buckets_.size(); ++b) {
    seen += buckets_[b];
    if (seen >= wanted) return std::min(static_cast<int64_t>(EndOf(b)), max_);
  }
  return max_;
}

}  // namespace kindred
