// What is known of items as one sparse matrix: text, categories and numbers side by side, one row an item (requirement
// E2). Pure function, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "trainer/data/item_table.h"
#include "trainer/families/tfidf.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

enum class Scaling : uint8_t {
  kStandard,  // (x − mean) / standard deviation
  kMinMax,    // (x − min) / (max − min)
};

struct ContentFeatureOptions {
  double text_weight = 1;       // of the text's block, whose rows have length 1; 0 leaves the block out
  double category_weight = 1;   // of the categories' block, whose rows have length 1
  double attribute_weight = 1;  // of each scaled number
  Scaling scaling = Scaling::kStandard;
  TfidfOptions text{};
};

struct ContentFeatures {
  SparseMatrix values;  // [n_items × features]; rows of length 1, zero for items of which nothing is known
  uint32_t words = 0, categories = 0, numbers = 0;  // columns of each block, in this order
  uint32_t items_without = 0;                       // zero rows
  std::vector<std::string> notes;                   // columns that say nothing, blocks that are empty
};

// Numbers that are not known (NaN) are absent, as is a column that has one value only. An item table without anything
// gives a matrix without columns. O(text + n_items · columns).
ContentFeatures MakeContentFeatures(const ItemTable& items, uint32_t n_items, const ContentFeatureOptions& options);

}  // namespace kindred
