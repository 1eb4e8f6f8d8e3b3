#include "core/engine/list_builder.h"

#include <algorithm>
#include <limits>

namespace kindred {
namespace {

// How many items of a sorted list reach `min_score`.
size_t Reaching(std::span<const ScoredItem> sorted, std::optional<float> min_score) {
  if (!min_score.has_value()) return sorted.size();
  const auto end = std::partition_point(sorted.begin(), sorted.end(),
                                        [&](const ScoredItem& item) { return item.score >= *min_score; });
  return static_cast<size_t>(end - sorted.begin());
}

void ClearBit(uint32_t item, std::vector<uint64_t>* mask) { (*mask)[item / 64] &= ~(uint64_t{1} << (item % 64)); }

}  // namespace

std::span<const ScoredItem> ListBuilder::Build(uint32_t count, const ListShape& shape) {
  if (shape.by_score()) {
    const auto best = Top(ranking_, count, admission_, &ranking_scratch_);
    return best.first(Reaching(best, shape.min_score));
  }
  scratch_.list.clear();
  scratch_.counts.resize(std::max<size_t>(scratch_.counts.size(), model_.categories().size()), 0);
  for (uint32_t category : scratch_.counted) scratch_.counts[category] = 0;
  scratch_.counted.clear();
  scratch_.full.clear();
  exhausted_ = false;
  ToBitmap(admission_, model_.n_items(), &scratch_.mask);
  if (shape.diversity.has_value()) TakeDiverse(count, shape);
  if (!exhausted_) TakeByScore(count, shape);
  return scratch_.list;
}

bool ListBuilder::Counts(uint32_t category, const ListShape& shape) const {
  return model_.categories().Id(category).starts_with(shape.category_prefix);
}

bool ListBuilder::Fits(uint32_t item, const ListShape& shape) const {
  if (shape.max_per_category == 0) return true;
  for (uint32_t category : model_.ItemCategories(item)) {
    if (scratch_.counts[category] >= shape.max_per_category) return false;  // only categories that count are counted
  }
  return true;
}

// Appends the item if its categories leave room for it.
bool ListBuilder::Take(const ScoredItem& item, const ListShape& shape) {
  if (!Fits(item.item, shape)) return false;
  scratch_.list.push_back(item);
  ClearBit(item.item, &scratch_.mask);
  if (shape.max_per_category == 0) return true;
  for (uint32_t category : model_.ItemCategories(item.item)) {
    if (!Counts(category, shape)) continue;
    uint32_t& n = scratch_.counts[category];
    if (n++ == 0) scratch_.counted.push_back(category);
    if (n == shape.max_per_category) scratch_.full.push_back(category);
  }
  return true;
}

void ListBuilder::TakeByScore(uint32_t count, const ListShape& shape) {
  Admission left;
  while (scratch_.list.size() < count) {
    // Items of full categories are passed over one by one only within one search.
    for (uint32_t category : scratch_.full) {
      const auto members = model_.CategoryBitmap(category);
      for (size_t t = 0; t < members.size(); ++t) scratch_.mask[t] &= ~members[t];
    }
    scratch_.full.clear();
    left.allowed = scratch_.mask;
    const auto missing = static_cast<uint32_t>(count - scratch_.list.size());
    const uint32_t wanted = shape.max_per_category == 0 ? missing : 2 * missing + 32;
    const auto best = Top(ranking_, wanted, left, &ranking_scratch_);
    const size_t reaching = Reaching(best, shape.min_score);
    for (size_t i = 0; i < reaching && scratch_.list.size() < count; ++i) {
      // What does not fit never will: the next search goes on behind it, whatever the bitmaps say.
      if (!Take(best[i], shape)) ClearBit(best[i].item, &scratch_.mask);
    }
    if (reaching < best.size() || best.size() < wanted) return;
  }
}

void ListBuilder::TakeDiverse(uint32_t count, const ListShape& shape) {
  const auto best = Top(ranking_, kDiversityPool, admission_, &ranking_scratch_);
  const size_t n = Reaching(best, shape.min_score);
  exhausted_ = n < best.size() || best.size() < kDiversityPool;
  scratch_.pool.assign(best.begin(), best.begin() + static_cast<ptrdiff_t>(n));
  scratch_.pool_items.clear();
  for (const ScoredItem& item : scratch_.pool) scratch_.pool_items.push_back(item.item);
  scratch_.taken.assign(n, 0);
  scratch_.nearest.assign(n, -std::numeric_limits<float>::infinity());
  scratch_.similarity.resize(n);
  if (n == 0) return;

  const double lambda = *shape.diversity;
  const double top = scratch_.pool.front().score, range = top - scratch_.pool.back().score;
  const auto relevance = [&](size_t i) { return range > 0 ? 1 - (top - scratch_.pool[i].score) / range : 1.0; };
  while (scratch_.list.size() < count) {
    size_t next = n;
    double next_value = 0;
    for (size_t i = 0; i < n; ++i) {
      if (scratch_.taken[i] != 0 || !Fits(scratch_.pool[i].item, shape)) continue;
      const double nearest = scratch_.list.empty() ? 0.0 : scratch_.nearest[i];
      const double value = lambda * relevance(i) - (1 - lambda) * nearest;
      if (next == n || value > next_value) {
        next = i;
        next_value = value;
      }
    }
    if (next == n) break;
    Take(scratch_.pool[next], shape);
    scratch_.taken[next] = 1;
    similarity_.ToMany(scratch_.pool[next].item, scratch_.pool_items, scratch_.similarity);
    for (size_t i = 0; i < n; ++i) scratch_.nearest[i] = std::max(scratch_.nearest[i], scratch_.similarity[i]);
  }
  // What follows is behind the pool.
  for (const ScoredItem& item : scratch_.pool) ClearBit(item.item, &scratch_.mask);
}

}  // namespace kindred
