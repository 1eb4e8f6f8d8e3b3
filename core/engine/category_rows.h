// The mean row of each category in a space of sparse rows: what stands in for items that training never saw
// (AnswerSource::kCategory). Immutable once made, and thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "core/engine/rows_view.h"

namespace kindred {

// Of each mean row at most so many numbers are kept, those of the largest absolute value; fewer where there are so many
// categories that all together could be more than the second limit. What is left out of a mean is small beside what is
// kept, and a small file may not ask for gigabytes.
inline constexpr uint64_t kMaxCategoryRow = 1024;
inline constexpr uint64_t kMaxCategoryRowNumbers = uint64_t{1} << 26;
// Additions that making them may take, Σ non-zeros of an item's row · its categories: about half a minute. Past it
// there are no mean rows, lest a small file whose items are in every category keep a server from starting.
inline constexpr uint64_t kMaxCategoryRowWork = uint64_t{1} << 34;

struct CategoryRows {
  std::vector<int64_t> offsets;  // [n_categories + 1], or empty: no category stands in
  std::vector<uint32_t> columns;
  std::vector<float> weights;

  RowsView view() const { return {offsets, columns, weights}; }
};

// The mean of the rows, with `unit` of the rows divided by their norms, of each category's items that have one; rows
// without a number other than 0 say nothing and do not count. Kept are the numbers other than 0 of largest absolute
// value, the lower column among equals. rows: [n × dim], with columns ascending, a row for each row of
// `item_categories`. Empty where every row says something, where there are no categories and where it were more than
// kMaxCategoryRowWork. All rows together have at most `max_numbers`: several spaces share kMaxCategoryRowNumbers.
// O(n + non-zeros) to tell, then O(Σ non-zeros of an item's row · its categories) and O(dim + entries of
// item_categories) of working memory.
CategoryRows MakeCategoryRows(const RowsView& rows, uint32_t dim, const RowsView& item_categories,
                              uint32_t n_categories, bool unit, uint64_t max_numbers = kMaxCategoryRowNumbers);

}  // namespace kindred
