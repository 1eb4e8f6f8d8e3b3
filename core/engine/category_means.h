// The mean vector of each category: what stands in for items that training never saw (AnswerSource::kCategory).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/rows_view.h"

namespace kindred {

// Category means are made up to this size: a small file may not ask for gigabytes.
inline constexpr uint64_t kMaxCategoryMeanNumbers = uint64_t{1} << 26;

// [n_categories × dim]: the mean of the rows, with `unit` of the rows divided by their norms, of each category's items
// that have a vector; rows of zeros say nothing and do not count, and a category without any other is one itself.
// items: [n × dim], a row for each row of `item_categories`. Empty where no row is all zeros, where there are no
// categories, and past kMaxCategoryMeanNumbers. O(n) to tell, then O(entries of item_categories · dim).
std::vector<float> CategoryMeans(std::span<const float> items, uint32_t dim, const RowsView& item_categories,
                                 uint32_t n_categories, bool unit);

}  // namespace kindred
