#include "core/engine/contributions.h"

#include <algorithm>
#include <cmath>

#include "core/topk/best_k.h"

namespace kindred {
namespace {

// The `count` entries of largest weight, whatever its sign, the lower item among equals; in no order.
void KeepLargest(size_t count, std::vector<ItemWeight>* history) {
  if (history->size() <= count) return;
  std::nth_element(history->begin(), history->begin() + static_cast<int64_t>(count), history->end(),
                   [](const ItemWeight& a, const ItemWeight& b) {
                     const double left = std::abs(a.weight), right = std::abs(b.weight);
                     return left != right ? left > right : a.item < b.item;
                   });
  history->resize(count);
}

// value_of(h, i): what item_of(h), one of `n_history`, counts for the i-th of `n_items` items of the answer.
template <typename ItemOf, typename ValueOf>
void ListLargest(size_t n_history, size_t n_items, const ItemOf& item_of, const ValueOf& value_of,
                 std::vector<ScoredItem>* work, ContributionResult* result) {
  for (size_t i = 0; i < n_items; ++i) {
    BestK best(kMaxContributions, work);
    for (size_t h = 0; h < n_history; ++h) {
      const float value = value_of(h, i);
      if (value != 0 && std::isfinite(value)) best.Add({item_of(h), value});
    }
    for (const ScoredItem& entry : best.Finish()) result->contributions.push_back({entry.item, entry.score});
    result->begin.push_back(static_cast<uint32_t>(result->contributions.size()));
  }
}

}  // namespace

void Contributions(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                   std::span<const ScoredItem> items, EngineScratch* scratch, ContributionResult* result) {
  ContributionScratch& own = scratch->contributions;
  result->contributions.clear();
  result->begin.assign(1, 0);
  if (items.empty()) return;
  KeepLargest(GatherHistory(model, space, subject, source, scratch), &own.history);
  ScoreWithoutEach(model, {&space}, subject, source, items, scratch);
  ListLargest(
      own.history.size(), items.size(), [&](size_t h) { return own.history[h].item; },
      [&](size_t h, size_t i) { return own.values[h * items.size() + i]; }, &own.best, result);
}

void BlendContributions(const Model& model, std::span<const ItemSimilarity::Part> parts, const SubjectView& subject,
                        std::span<const ScoredItem> items, EngineScratch* scratch, ContributionResult* result) {
  ContributionScratch& own = scratch->contributions;
  result->contributions.clear();
  result->begin.assign(1, 0);
  if (items.empty()) return;
  // Whatever one part considers all do: a contribution lacks no part.
  std::vector<uint32_t>& considered = own.considered;
  considered.clear();
  for (size_t p = 0; p < parts.size(); ++p) {
    if (!scratch->blend[p].speaks) continue;
    KeepLargest(GatherHistory(model, *parts[p].space, subject, scratch->blend[p].source, scratch), &own.history);
    for (const ItemWeight& entry : own.history) considered.push_back(entry.item);
  }
  std::sort(considered.begin(), considered.end());
  considered.erase(std::unique(considered.begin(), considered.end()), considered.end());
  own.sums.assign(considered.size() * items.size(), 0.0);
  for (size_t p = 0; p < parts.size(); ++p) {
    const BlendPartVector& part = scratch->blend[p];
    if (!part.speaks) continue;
    GatherHistory(model, *parts[p].space, subject, part.source, scratch);
    std::erase_if(own.history, [&](const ItemWeight& entry) {
      return !std::binary_search(considered.begin(), considered.end(), entry.item);
    });
    const SpaceRole role = {parts[p].space, /*in_blend=*/true, parts[p].weight};
    ScoreWithoutEach(model, role, subject, part.source, items, scratch);
    for (size_t h = 0; h < own.history.size(); ++h) {
      const auto at = std::lower_bound(considered.begin(), considered.end(), own.history[h].item) - considered.begin();
      double* sums = &own.sums[static_cast<size_t>(at) * items.size()];
      for (size_t i = 0; i < items.size(); ++i) sums[i] += own.values[h * items.size() + i];
    }
  }
  ListLargest(
      considered.size(), items.size(), [&](size_t h) { return considered[h]; },
      [&](size_t h, size_t i) { return static_cast<float>(own.sums[h * items.size() + i]); }, &own.best, result);
}

}  // namespace kindred
