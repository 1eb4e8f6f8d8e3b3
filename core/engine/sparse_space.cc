#include "core/engine/sparse_space.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/read_once.h"
#include "core/topk/best_k.h"

namespace kindred {
namespace {

// Calls use(columns, weights) for each row that stands for an item.
template <typename Use>
void ForEachRow(const SparseSpace& space, RowsBy rows, uint32_t item, const Use& use) {
  if (rows == RowsBy::kItem) {
    const RowsView::Entries row = space.rows.RowEntries(item);
    use(row.values, row.weights);
    return;
  }
  for (uint32_t category : space.item_categories.Row(item)) {
    const RowsView::Entries row = space.category_rows.RowEntries(category);
    use(row.values, row.weights);
  }
}

// Σ c_i row_i into scratch->query, its features, ascending, into scratch->touched.
void MakeQuery(const SparseSpace& space, RowsBy rows, std::span<const ItemWeight> coefficients,
               SparseScratch* scratch) {
  scratch->query.resize(std::max<size_t>(scratch->query.size(), space.dim), 0.0);
  scratch->touched.clear();
  for (const ItemWeight& entry : coefficients) {
    ForEachRow(space, rows, entry.item, [&](std::span<const uint32_t> features, std::span<const float> weights) {
      for (size_t f = 0; f < features.size(); ++f) {
        const uint32_t feature = ReadOnce(features[f]);
        if (feature >= space.dim) continue;
        double& sum = scratch->query[feature];
        // One that came back to 0 is here twice, until it is made unique.
        if (sum == 0) scratch->touched.push_back(feature);
        sum += entry.weight * weights[f];
      }
    });
  }
  std::sort(scratch->touched.begin(), scratch->touched.end());
  scratch->touched.erase(std::unique(scratch->touched.begin(), scratch->touched.end()), scratch->touched.end());
}

void ClearQuery(SparseScratch* scratch) {
  for (uint32_t feature : scratch->touched) scratch->query[feature] = 0;
}

void AddPostings(std::span<const uint32_t> items, std::span<const float> weights, double factor,
                 std::vector<double>* scores) {
  const size_t n_items = scores->size();
  for (size_t i = 0; i < items.size(); ++i) {
    const uint32_t item = ReadOnce(items[i]);
    if (item < n_items) (*scores)[item] += factor * weights[i];
  }
}

// w_i / Σ w_i k_i of the items with k_i > 0 categories that have a row.
void ShareAmongCategories(const SparseSpace& space, std::vector<ItemWeight>* coefficients) {
  double total = 0;
  std::erase_if(*coefficients, [&](const ItemWeight& entry) {
    const auto categories = space.item_categories.Row(entry.item);
    const auto known = std::count_if(categories.begin(), categories.end(),
                                     [&](uint32_t category) { return !space.category_rows.Row(category).empty(); });
    total += entry.weight * static_cast<double>(known);
    return known == 0;
  });
  for (ItemWeight& entry : *coefficients) entry.weight /= total;
}

double SparseDot(std::span<const uint32_t> left, std::span<const float> left_weights, std::span<const uint32_t> right,
                 std::span<const float> right_weights) {
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

// As MakeCategoryRows judges: a number that is stored may be 0.
bool HasRow(const SparseSpace& space, uint32_t item) {
  const auto weights = space.rows.RowWeights(item);
  return std::any_of(weights.begin(), weights.end(), [](float weight) { return weight != 0; });
}

// The value of a column in a row.
double At(std::span<const uint32_t> columns, std::span<const float> weights, uint32_t column) {
  const auto at = std::lower_bound(columns.begin(), columns.end(), column);
  return at != columns.end() && *at == column ? weights[static_cast<size_t>(at - columns.begin())] : 0.0;
}

}  // namespace

void NormalizeCoefficients(const SparseSpace& space, RowsBy rows, SparseScratch* scratch,
                           std::vector<ItemWeight>* coefficients) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (rows == RowsBy::kCategory) ShareAmongCategories(space, coefficients);
  double scale = 1;
  bool says_something = false;
  if (space.neighbors) {
    for (const ItemWeight& entry : *coefficients) {
      // What is left by category has a row.
      says_something =
          says_something || (entry.weight != 0 && (rows == RowsBy::kCategory || HasRow(space, entry.item)));
    }
  } else {
    MakeQuery(space, rows, *coefficients, scratch);
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

void SumPostings(const SparseSpace& space, RowsBy rows, std::span<const ItemWeight> coefficients,
                 SparseScratch* scratch) {
  scratch->scores.assign(space.n_items, 0.0);
  if (space.neighbors) {
    for (const ItemWeight& entry : coefficients) {
      ForEachRow(space, rows, entry.item, [&](std::span<const uint32_t> items, std::span<const float> weights) {
        AddPostings(items, weights, entry.weight, &scratch->scores);
      });
    }
    return;
  }
  MakeQuery(space, rows, coefficients, scratch);
  for (uint32_t feature : scratch->touched) {
    const RowsView::Entries postings = space.columns.RowEntries(feature);
    AddPostings(postings.values, postings.weights, scratch->query[feature], &scratch->scores);
  }
  ClearQuery(scratch);
}

std::span<const ScoredItem> SparseTopK(const SparseSpace& space, const SparseQuery& query, SparseScratch* scratch) {
  if (query.k == 0) return {};
  SumPostings(space, RowsBy::kItem, query.coefficients, scratch);

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

double SparseKernel(const SparseSpace& space, uint32_t i, uint32_t j, RowsBy rows) {
  double sum = 0;
  const RowsView::Entries entries = space.rows.RowEntries(j);
  // clang 14 captures no structured bindings.
  const std::span<const uint32_t> right = entries.values;
  const std::span<const float> right_weights = entries.weights;
  ForEachRow(space, rows, i, [&](std::span<const uint32_t> left, std::span<const float> left_weights) {
    if (space.neighbors) {
      sum += At(left, left_weights, j);
    } else if (rows == RowsBy::kItem) {
      sum += SparseDot(left, left_weights, right, right_weights);
    } else {
      // Rows of categories are long beside those of items.
      for (size_t f = 0; f < right.size(); ++f) sum += right_weights[f] * At(left, left_weights, right[f]);
    }
  });
  return sum;
}

}  // namespace kindred
