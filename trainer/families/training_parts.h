// The parts of a bundle that come from the events and the item file, beside those of core/packing/bundle_parts.h.
#pragma once

#include "absl/status/status.h"
#include "core/packing/bundle_parts.h"
#include "trainer/data/item_table.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

// Appends which items each user has: the positions of `interactions`, whatever their values.
void AddSeen(const SparseMatrix& interactions, BundleParts* parts);

// Appends what each of those items is worth, for spaces that fold users in from what they have: the value at the same
// place of `values`, 0 where it has none. `seen` is what AddSeen got. INVALID_ARGUMENT when a value does not fit a
// float.
absl::Status AddSeenWeights(const SparseMatrix& seen, const SparseMatrix& values, BundleParts* parts);

// Appends names, categories and attributes, each only where the table has any.
void AddItemTable(const ItemTable& table, BundleParts* parts);

}  // namespace kindred
