// Keeps the best k of the scored items it is shown. Works in a caller's vector; allocates only what that lacks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "core/topk/topk_scan.h"

namespace kindred {

class BestK {
 public:
  // Clears *buffer and works in it. REQUIRES: k > 0.
  BestK(size_t k, std::vector<ScoredItem>* buffer) : k_(k), buffer_(*buffer) { buffer_.clear(); }

  // Amortized O(1): the buffer is cut back to the best k whenever it holds twice as many.
  void Add(const ScoredItem& item) {
    if (full_ && !RanksBefore(item, worst_)) return;
    if (buffer_.size() >= 2 * k_ + kSpare) Cut();
    buffer_.push_back(item);
  }

  // The k-th best score so far; −inf while fewer than k were shown. O(k).
  float Threshold() {
    if (buffer_.size() < k_) return -std::numeric_limits<float>::infinity();
    Cut();
    return worst_.score;
  }

  // The best k in order. Ends the use of this object.
  std::span<const ScoredItem> Finish() {
    if (buffer_.size() > k_) Cut();
    std::sort(buffer_.begin(), buffer_.end(), RanksBefore);
    return buffer_;
  }

 private:
  static constexpr size_t kSpare = 32;  // so that a small k is not cut at every other item

  void Cut() {
    std::nth_element(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(k_ - 1), buffer_.end(), RanksBefore);
    buffer_.resize(k_);
    worst_ = buffer_[k_ - 1];
    full_ = true;
  }

  const size_t k_;
  std::vector<ScoredItem>& buffer_;
  ScoredItem worst_;
  bool full_ = false;
};

}  // namespace kindred
