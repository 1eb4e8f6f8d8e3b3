// Items like other items because the same users want them: cosine similarity of the columns of a user × item matrix,
// the best neighbours of each item kept. Pure function, thread-safe.
#pragma once

#include <cstdint>

#include "trainer/base/progress.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

struct ItemCosineOptions {
  uint32_t neighbors = 200;  // kept for each item; 0 = all
  double shrinkage = 0;      // added to the product of the norms: doubts pairs that few users have in common
  double asymmetry = 0.5;  // α of x·y / (‖x‖^2α ‖y‖^2(1−α)); > 0.5 favours popular neighbours, < 0.5 rare ones
  double user_damping = 0;  // a user's values count n_u^−damping, n_u = their items: heavy users say less of a pair
  uint32_t max_user_items = 0;  // take only so many of a user's items, the largest values; 0 = all
  int threads = 1;
};

// values: [n_users × n_items], transformed. Row i of the result: the neighbours j of item i with their similarity > 0,
// i itself left out: [n_items × n_items], at most n_items · neighbors elements. O(Σ n_u²) time; memory beyond the
// result as SimilarityBatches. The same bits at any thread count.
SparseMatrix ItemCosine(const SparseMatrix& values, const ItemCosineOptions& options, Progress* progress);

}  // namespace kindred
