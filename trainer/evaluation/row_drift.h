// How far the rows of one matrix moved from one training to the next, by cosine. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/engine/rows_view.h"

namespace kindred {

// The same thing's row in the old and in the new matrix.
struct RowPair {
  uint32_t before = 0, after = 0;
};

// [rows × dim], row-major. A view.
struct RowTable {
  std::span<const float> values;
  uint32_t dim = 0;
};

// Cosine distances 1 − cos, from 0 to 2.
struct CosineDistances {
  double mean = 0, max = 0;
};

struct MovedRow {
  RowPair row;
  double distance = 0;
};

struct RowDrift {
  uint64_t compared = 0;                   // pairs with a vector on one side at least; 1 away when only on one
  uint64_t without_vector = 0;             // pairs that are zeros on both sides: left out
  CosineDistances raw;                     // as the vectors stand
  std::optional<CosineDistances> aligned;  // after the rotation; absent in sparse rows and above kMaxAlignedDim
  std::vector<MovedRow> worst;             // the farthest first, aligned where that is there
};

// Widest rows that are aligned: the rotation costs O(dim³).
inline constexpr uint32_t kMaxAlignedDim = 1024;

// Two trainings give vectors that mean the same in different bases. `aligned` is measured after the orthogonal
// Procrustes rotation of the pairs' unit vectors: of all rotations the one with the smallest mean cosine distance.
// Narrower rows are padded with zeros. Distances below 1e-12 are 0. O(pairs · dim² + dim³); memory O(dim²).
RowDrift CompareRows(const RowTable& before, const RowTable& after, std::span<const RowPair> pairs, uint32_t n_worst);

// The same of sparse rows. `columns`: column of the old rows → column of the new, kNoSuchColumn where there is none;
// empty: they are the same. There is no rotation: columns have meanings. O(non-zeros).
inline constexpr uint32_t kNoSuchColumn = UINT32_MAX;
RowDrift CompareSparseRows(const RowsView& before, const RowsView& after, std::span<const uint32_t> columns,
                           std::span<const RowPair> pairs, uint32_t n_worst);

}  // namespace kindred
