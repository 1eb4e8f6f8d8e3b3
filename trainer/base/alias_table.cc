#include "trainer/base/alias_table.h"

#include <algorithm>
#include <numeric>

namespace kindred {
namespace {

// 2³² · p, the last representable value for p = 1 (such a slot names itself as the other).
uint32_t Threshold(double p) { return static_cast<uint32_t>(std::min(p * 4294967296.0, 4294967295.0)); }

}  // namespace

AliasTable::AliasTable(std::span<const double> weights) : slots_(weights.size()) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const auto n = static_cast<double>(weights.size());
  std::vector<double> share(weights.size());
  std::vector<uint32_t> small, large;
  for (uint32_t i = 0; i < weights.size(); ++i) {
    share[i] = weights[i] / total * n;
    (share[i] < 1 ? small : large).push_back(i);
  }
  while (!small.empty() && !large.empty()) {
    const uint32_t s = small.back(), l = large.back();
    small.pop_back();
    slots_[s] = {Threshold(share[s]), l};
    share[l] -= 1 - share[s];
    if (share[l] >= 1) continue;
    large.pop_back();
    small.push_back(l);
  }
  // What is left is full but for rounding; where that left over an outcome of weight 0, the heaviest takes its place.
  const auto heaviest = static_cast<uint32_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
  for (uint32_t i : large) slots_[i] = {UINT32_MAX, i};
  for (uint32_t i : small) slots_[i] = weights[i] > 0 ? Slot{UINT32_MAX, i} : Slot{0, heaviest};
}

}  // namespace kindred
