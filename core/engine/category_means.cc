#include "core/engine/category_means.h"

#include <algorithm>
#include <cmath>

namespace kindred {
namespace {

bool IsZero(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return x == 0; });
}

}  // namespace

std::vector<float> CategoryMeans(std::span<const float> items, uint32_t dim, const RowsView& item_categories,
                                 uint32_t n_categories, bool unit) {
  if (item_categories.empty() || uint64_t{n_categories} * dim > kMaxCategoryMeanNumbers) return {};
  const auto n_items = static_cast<uint32_t>(items.size() / dim);
  const auto row = [&](uint32_t item) { return items.subspan(size_t{item} * dim, dim); };
  bool any_zero = false;
  for (uint32_t item = 0; item < n_items && !any_zero; ++item) any_zero = IsZero(row(item));
  if (!any_zero) return {};

  std::vector<double> sums(size_t{n_categories} * dim, 0.0);
  std::vector<double> counts(n_categories, 0.0);
  for (uint32_t item = 0; item < n_items; ++item) {
    const auto x = row(item);
    const auto categories = item_categories.Row(item);
    if (categories.empty() || IsZero(x)) continue;
    double scale = 1;
    if (unit) {
      double squared = 0;
      for (float value : x) squared += static_cast<double>(value) * value;
      scale = 1 / std::sqrt(squared);
    }
    for (uint32_t category : categories) {
      double* sum = &sums[size_t{category} * dim];
      for (uint32_t j = 0; j < dim; ++j) sum[j] += scale * x[j];
      ++counts[category];
    }
  }
  std::vector<float> means(sums.size(), 0.0f);
  for (size_t i = 0; i < means.size(); ++i) {
    if (counts[i / dim] > 0) means[i] = static_cast<float>(sums[i] / counts[i / dim]);
  }
  return means;
}

}  // namespace kindred
