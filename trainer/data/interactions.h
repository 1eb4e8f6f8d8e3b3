// What users did with items: a sparse matrix of aggregated values with the ids of its rows and columns. Plain values.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/space_spec.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

// How several rows of one user and item become one value.
enum class Aggregation : uint8_t { kSum, kMean, kLast, kCount };

std::string_view AggregationName(Aggregation value);  // "sum", "mean", "last", "count"
absl::StatusOr<Aggregation> AggregationFromName(std::string_view name);

// One row of the input. `order` ranks rows of one pair for kLast: larger is later, equal goes by position.
struct Event {
  uint32_t user = 0;
  uint32_t item = 0;
  double value = 1;
  double order = 0;
};

struct Interactions {
  std::vector<std::string> user_ids;  // [n_users], distinct
  std::vector<std::string> item_ids;  // [n_items], distinct
  SparseMatrix values;                // [n_users × n_items]
};

// Builds the matrix: duplicates aggregated, rows ascending by item. REQUIRES: every user and item is in range.
// O(n log n) for n events.
SparseMatrix Aggregate(std::vector<Event> events, uint32_t n_users, uint32_t n_items, Aggregation how);

// Repeatedly drops users with fewer than `min_per_user` distinct items and items with fewer than `min_per_item`
// distinct users, until every one left has enough (the k-core); ids keep their order.
Interactions KeepCore(const Interactions& all, uint32_t min_per_user, uint32_t min_per_item);

// A copy with every value transformed.
SparseMatrix Transformed(const SparseMatrix& values, ValueTransform transform);

}  // namespace kindred
