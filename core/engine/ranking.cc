#include "core/engine/ranking.h"

#include <algorithm>
#include <bit>

#include "core/topk/best_k.h"

namespace kindred {
namespace {

bool IsAllowed(std::span<const uint64_t> allowed, uint32_t item) {
  return allowed.empty() || (allowed[item / 64] >> (item % 64) & 1) != 0;
}

// Calls add(item) for each admissible one, ascending.
template <typename Add>
void ForEachAdmissible(const Admission& admission, uint32_t n_items, const Add& add) {
  auto excluded = admission.excluded.begin();
  const auto unless_excluded = [&](uint32_t item) {
    while (excluded != admission.excluded.end() && *excluded < item) ++excluded;
    if (excluded == admission.excluded.end() || *excluded != item) add(item);
  };
  if (admission.restricted) {
    for (uint32_t item : admission.candidates) {
      if (IsAllowed(admission.allowed, item)) unless_excluded(item);
    }
  } else if (admission.allowed.empty()) {
    for (uint32_t item = 0; item < n_items; ++item) unless_excluded(item);
  } else {
    for (uint32_t begin = 0; begin < n_items; begin += 64) {
      uint64_t word = admission.allowed[begin / 64];
      if (n_items - begin < 64) word &= (uint64_t{1} << (n_items - begin)) - 1;
      for (; word != 0; word &= word - 1) unless_excluded(begin + static_cast<uint32_t>(std::countr_zero(word)));
    }
  }
}

std::span<const ScoredItem> TopInOrder(const Ranking& ranking, uint32_t k, const Admission& admission,
                                       RankingScratch* scratch) {
  scratch->results.clear();
  for (uint32_t item : ranking.order) {
    if (scratch->results.size() >= k) break;
    if (!IsAllowed(admission.allowed, item)) continue;
    if (std::binary_search(admission.excluded.begin(), admission.excluded.end(), item)) continue;
    if (admission.restricted && !std::binary_search(admission.candidates.begin(), admission.candidates.end(), item)) {
      continue;
    }
    scratch->results.push_back({item, ranking.scores[item]});
  }
  return scratch->results;
}

}  // namespace

std::span<const ScoredItem> Top(const Ranking& ranking, uint32_t k, const Admission& admission,
                                RankingScratch* scratch) {
  if (k == 0) return {};
  if (ranking.scan != nullptr) {
    TopKQuery query;
    query.vector = ranking.vector;
    query.prior_weight = ranking.prior_weight;
    query.k = k;
    query.allowed = admission.allowed;
    query.excluded = admission.excluded;
    return admission.restricted ? TopKOf(*ranking.scan, query, admission.candidates, &scratch->topk)
                                : TopK(*ranking.scan, query, &scratch->topk);
  }
  // Few candidates are faster looked up one by one than found along the order.
  if (!ranking.order.empty() && !admission.restricted) return TopInOrder(ranking, k, admission, scratch);
  const auto n_items = static_cast<uint32_t>(ranking.scores.size());
  BestK best(std::min(k, n_items), &scratch->results);
  ForEachAdmissible(admission, n_items, [&](uint32_t item) { best.Add({item, ranking.scores[item]}); });
  return best.Finish();
}

}  // namespace kindred
