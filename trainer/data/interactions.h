// What users did with items: a sparse matrix of aggregated values with the ids of its rows and columns. Plain values.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/space_spec.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

// How several rows of one user and item become one value.
enum class Aggregation : uint8_t { kSum, kMean, kLast, kMax, kCount };

std::string_view AggregationName(Aggregation value);  // "sum", "mean", "last", "max", "count"
absl::StatusOr<Aggregation> AggregationFromName(std::string_view name);

struct Interactions {
  std::vector<std::string> user_ids;  // [n_users], distinct
  std::vector<std::string> item_ids;  // [n_items], distinct
  SparseMatrix values;                // [n_users × n_items]
};

// Which rows (users) and columns (items) are left after users with fewer than `min_per_user` items and items with fewer
// than `min_per_item` users are dropped until every one left has enough (the k-core). O(nnz) a round.
struct Core {
  std::vector<uint8_t> users, items;  // 1: stays
};
Core CoreOf(const SparseMatrix& values, uint32_t min_per_user, uint32_t min_per_item);

// The k-core of a whole matrix; ids keep their order.
Interactions KeepCore(const Interactions& all, uint32_t min_per_user, uint32_t min_per_item);

// A copy with every value transformed.
SparseMatrix Transformed(const SparseMatrix& values, ValueTransform transform);

}  // namespace kindred
