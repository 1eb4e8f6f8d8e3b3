#include "core/engine/category_rows.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/base/read_once.h"

namespace kindred {
namespace {

bool SaysNothing(std::span<const float> weights) {
  return std::all_of(weights.begin(), weights.end(), [](float x) { return x == 0; });
}

bool TooMuchWork(const RowsView& rows, const RowsView& item_categories, uint32_t n_items) {
  uint64_t left = kMaxCategoryRowWork;
  for (uint32_t item = 0; item < n_items; ++item) {
    const uint64_t numbers = rows.Row(item).size(), categories = item_categories.Row(item).size();
    if (categories == 0) continue;
    if (numbers > left / categories) return true;
    left -= numbers * categories;
  }
  return false;
}

// The items of each category, ascending.
struct Members {
  std::vector<int64_t> offsets;
  std::vector<uint32_t> items;
};

Members MembersOf(const RowsView& item_categories, uint32_t n_items, uint32_t n_categories) {
  Members out;
  out.offsets.assign(size_t{n_categories} + 1, 0);
  for (uint32_t category : item_categories.values) ++out.offsets[size_t{category} + 1];
  for (size_t c = 1; c < out.offsets.size(); ++c) out.offsets[c] += out.offsets[c - 1];
  out.items.resize(item_categories.values.size());
  std::vector<int64_t> next(out.offsets.begin(), out.offsets.end() - 1);
  for (uint32_t item = 0; item < n_items; ++item) {
    for (uint32_t category : item_categories.Row(item)) out.items[next[category]++] = item;
  }
  return out;
}

double ScaleOf(std::span<const float> weights, bool unit) {
  if (!unit) return 1;
  double squared = 0;
  for (float weight : weights) squared += static_cast<double>(weight) * weight;
  return 1 / std::sqrt(squared);
}

struct Number {
  uint32_t column = 0;
  float value = 0;
};

// The `count` of largest absolute value, by ascending column.
void KeepLargest(size_t count, std::vector<Number>* numbers) {
  if (numbers->size() > count) {
    std::nth_element(numbers->begin(), numbers->begin() + static_cast<ptrdiff_t>(count), numbers->end(),
                     [](const Number& a, const Number& b) {
                       const float left = std::abs(a.value), right = std::abs(b.value);
                       return left != right ? left > right : a.column < b.column;
                     });
    numbers->resize(count);
  }
  std::sort(numbers->begin(), numbers->end(), [](const Number& a, const Number& b) { return a.column < b.column; });
}

}  // namespace

CategoryRows MakeCategoryRows(const RowsView& rows, uint32_t dim, const RowsView& item_categories,
                              uint32_t n_categories, bool unit, uint64_t max_numbers) {
  if (item_categories.empty() || rows.empty() || n_categories == 0) return {};
  const auto n_items = static_cast<uint32_t>(rows.offsets.size() - 1);
  bool any_silent = false;
  for (uint32_t item = 0; item < n_items && !any_silent; ++item) any_silent = SaysNothing(rows.RowWeights(item));
  if (!any_silent || TooMuchWork(rows, item_categories, n_items)) return {};

  const uint64_t most = std::min(kMaxCategoryRow, max_numbers / n_categories);
  const Members members = MembersOf(item_categories, n_items, n_categories);
  CategoryRows out;
  out.offsets.push_back(0);
  std::vector<double> sums(dim, 0.0);
  std::vector<uint32_t> touched;
  std::vector<Number> numbers;
  for (uint32_t category = 0; category < n_categories; ++category) {
    double count = 0;
    for (int64_t m = members.offsets[category]; m < members.offsets[size_t{category} + 1]; ++m) {
      const uint32_t item = members.items[m];
      const auto [columns, weights] = rows.RowEntries(item);
      if (SaysNothing(weights)) continue;
      const double scale = ScaleOf(weights, unit);
      for (size_t i = 0; i < columns.size(); ++i) {
        const uint32_t column = ReadOnce(columns[i]);
        if (column >= dim) continue;
        if (sums[column] == 0) touched.push_back(column);
        sums[column] += scale * weights[i];
      }
      ++count;
    }
    numbers.clear();
    for (uint32_t column : touched) {
      // A sum that came back to 0 is here twice, and at the second time it is 0 again.
      const auto value = static_cast<float>(sums[column] / count);
      sums[column] = 0;
      if (value != 0) numbers.push_back({column, value});
    }
    touched.clear();
    KeepLargest(most, &numbers);
    for (const Number& number : numbers) {
      out.columns.push_back(number.column);
      out.weights.push_back(number.value);
    }
    out.offsets.push_back(static_cast<int64_t>(out.columns.size()));
  }
  return out;
}

}  // namespace kindred
