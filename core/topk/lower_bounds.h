// The threshold of a scan: the k-th best of the lower bounds it has shown. Works in a caller's vector; allocates only
// what that lacks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

namespace kindred {

class LowerBounds {
 public:
  // Clears *buffer and works in it. REQUIRES: k > 0.
  LowerBounds(size_t k, std::vector<float>* buffer) : k_(k), buffer_(*buffer) { buffer_.clear(); }

  // An item whose upper bound is below this cannot be among the best k. −inf until k bounds are in; for large k it may
  // lag behind the k-th best, never run ahead of it.
  float threshold() const { return threshold_; }

  void Add(float lower) {
    if (k_ <= kHeapLimit) {
      AddToHeap(lower);
    } else if (lower > threshold_ || buffer_.size() < k_) {
      buffer_.push_back(lower);
      if (buffer_.size() == k_ || buffer_.size() == 2 * k_) Cut();
    }
  }

  // Brings the threshold up to the k-th best.
  void Settle() {
    if (k_ > kHeapLimit && buffer_.size() > k_) Cut();
  }

 private:
  // Up to here a heap, whose threshold never lags, is cheaper than the items that a lagging one lets through; beyond,
  // keeping up to 2k and cutting back to the best k costs O(1) an item instead of O(log k).
  static constexpr size_t kHeapLimit = 32;

  void AddToHeap(float lower) {
    if (buffer_.size() < k_) {
      buffer_.push_back(lower);
    } else if (lower > threshold_) {
      std::pop_heap(buffer_.begin(), buffer_.end(), std::greater<>());
      buffer_.back() = lower;
    } else {
      return;
    }
    std::push_heap(buffer_.begin(), buffer_.end(), std::greater<>());
    if (buffer_.size() == k_) threshold_ = buffer_.front();
  }

  void Cut() {
    const auto kth = buffer_.begin() + static_cast<ptrdiff_t>(k_ - 1);
    std::nth_element(buffer_.begin(), kth, buffer_.end(), std::greater<>());
    buffer_.resize(k_);
    threshold_ = buffer_.back();
  }

  const size_t k_;
  std::vector<float>& buffer_;  // small k: a heap, least on top; else unordered
  float threshold_ = -std::numeric_limits<float>::infinity();
};

}  // namespace kindred
