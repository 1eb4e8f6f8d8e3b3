#include "core/engine/sparse_space.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/topk/best_k.h"

namespace kindred {
namespace {

// Σ c_i row_i into scratch->query, its features, ascending, into scratch->touched.
void MakeQuery(const SparseSpace& space, std::span<const ItemWeight> coefficients, SparseScratch* scratch) {
  scratch->query.resize(std::max<size_t>(scratch->query.size(), space.dim), 0.0);
  scratch->touched.clear();
  for (const ItemWeight& entry : coefficients) {
    const auto features = space.rows.Row(entry.item);
    const auto weights = space.rows.RowWeights(entry.item);
    for (size_t f = 0; f < features.size(); ++f) {
      scratch->query[features[f]] += entry.weight * weights[f];
      scratch->touched.push_back(features[f]);
    }
  }
  std::sort(scratch->touched.begin(), scratch->touched.end());
  scratch->touched.erase(std::unique(scratch->touched.begin(), scratch->touched.end()), scratch->touched.end());
}

void ClearQuery(SparseScratch* scratch) {
  for (uint32_t feature : scratch->touched) scratch->query[feature] = 0;
}

void AddPostings(const RowsView& rows, uint32_t row, double factor, std::vector<double>* scores) {
  const auto items = rows.Row(row);
  const auto weights = rows.RowWeights(row);
  for (size_t i = 0; i < items.size(); ++i) (*scores)[items[i]] += factor * weights[i];
}

}  // namespace

void NormalizeCoefficients(const SparseSpace& space, SparseScratch* scratch, std::vector<ItemWeight>* coefficients) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  double scale = 1;
  bool says_something = false;
  if (space.neighbors) {
    for (const ItemWeight& entry : *coefficients) {
      says_something = says_something || (entry.weight != 0 && !space.rows.Row(entry.item).empty());
    }
  } else {
    MakeQuery(space, *coefficients, scratch);
    double squared = 0;
    for (uint32_t feature : scratch->touched) squared += scratch->query[feature] * scratch->query[feature];
    ClearQuery(scratch);
    says_something = squared > 0;
    scale = 1 / std::sqrt(squared);
  }
  for (ItemWeight& entry : *coefficients) {
    entry.weight *= scale;
    says_something = says_something && std::abs(entry.weight) <= kLargest;
  }
  if (!says_something) coefficients->clear();
}

void MergeCoefficients(double a, double b, std::span<const ItemWeight> from, std::vector<ItemWeight>* work,
                       std::vector<ItemWeight>* into) {
  work->clear();
  auto left = into->begin();
  auto right = from.begin();
  while (left != into->end() || right != from.end()) {
    if (right == from.end() || (left != into->end() && left->item < right->item)) {
      work->push_back({left->item, a * left->weight});
      ++left;
    } else if (left == into->end() || right->item < left->item) {
      work->push_back({right->item, b * right->weight});
      ++right;
    } else {
      work->push_back({left->item, a * left->weight + b * right->weight});
      ++left;
      ++right;
    }
  }
  std::swap(*work, *into);
}

void SumPostings(const SparseSpace& space, std::span<const ItemWeight> coefficients, SparseScratch* scratch) {
  scratch->scores.assign(space.n_items, 0.0);
  if (space.neighbors) {
    for (const ItemWeight& entry : coefficients) AddPostings(space.rows, entry.item, entry.weight, &scratch->scores);
    return;
  }
  MakeQuery(space, coefficients, scratch);
  for (uint32_t feature : scratch->touched) {
    AddPostings(space.columns, feature, scratch->query[feature], &scratch->scores);
  }
  ClearQuery(scratch);
}

std::span<const ScoredItem> SparseTopK(const SparseSpace& space, const SparseQuery& query, SparseScratch* scratch) {
  if (query.k == 0) return {};
  SumPostings(space, query.coefficients, scratch);

  BestK best(query.k, &scratch->results);
  auto excluded = query.excluded.begin();
  const auto add = [&](uint32_t item) {
    if (!query.allowed.empty() && (query.allowed[item / 64] >> (item % 64) & 1) == 0) return;
    while (excluded != query.excluded.end() && *excluded < item) ++excluded;
    if (excluded != query.excluded.end() && *excluded == item) return;
    const double multiplier = query.multipliers.empty() ? 1.0 : query.multipliers[item];
    auto score = static_cast<float>(scratch->scores[item] * multiplier);
    if (!query.prior.empty() && query.prior_weight != 0) score += query.prior_weight * query.prior[item];
    best.Add({item, score});
  };
  if (query.restricted) {
    for (uint32_t item : query.candidates) add(item);
  } else {
    for (uint32_t item = 0; item < space.n_items; ++item) add(item);
  }
  return best.Finish();
}

double SparseKernel(const SparseSpace& space, uint32_t i, uint32_t j) {
  const auto left = space.rows.Row(i);
  const auto left_weights = space.rows.RowWeights(i);
  if (space.neighbors) {
    const auto at = std::lower_bound(left.begin(), left.end(), j);
    return at != left.end() && *at == j ? left_weights[at - left.begin()] : 0.0;
  }
  const auto right = space.rows.Row(j);
  const auto right_weights = space.rows.RowWeights(j);
  double sum = 0;
  for (size_t a = 0, b = 0; a < left.size() && b < right.size();) {
    if (left[a] == right[b]) {
      sum += static_cast<double>(left_weights[a++]) * right_weights[b++];
    } else if (left[a] < right[b]) {
      ++a;
    } else {
      ++b;
    }
  }
  return sum;
}

}  // namespace kindred
