// A condition on items (kindred.v1.Filter without the wire), and the bitmap of the items that meet it. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace kindred {

class Model;

// Conditions in reverse Polish order: the operands of a node stand before it. Views into the caller's message.
struct ItemFilter {
  enum class Kind : uint8_t { kAllOf, kAnyOf, kNoneOf, kCategories, kRange, kFlag };
  struct Node {
    Kind kind = Kind::kAllOf;
    uint32_t operands = 0;  // of kAllOf, kAnyOf, kNoneOf: how many of the values before it
    // kCategories: names[begin, any_end) any of, [any_end, all_end) all of, [all_end, end) none of.
    uint32_t begin = 0, any_end = 0, all_end = 0, end = 0;
    std::string_view attribute;      // kRange, kFlag
    std::optional<double> min, max;  // kRange
    bool flag = true;                // kFlag
  };
  std::vector<Node> nodes;  // empty: everything meets it
  std::vector<std::string_view> names;

  void Clear() {
    nodes.clear();
    names.clear();
  }
};

// Working memory; grows to what it meets and then never allocates again.
struct ItemFilterScratch {
  std::vector<uint64_t> stack;
};

// Writes the bitmap of the items that meet `filter` into *allowed: [words], bit i of word t is item 64t + i, no bit at
// or past n_items. Categories that the model does not have go into *missing_categories and count as ones without an
// item. INVALID_ARGUMENT naming the attributes there are for one that the model does not have.
absl::Status EvaluateItemFilter(const Model& model, const ItemFilter& filter, ItemFilterScratch* scratch,
                                std::vector<uint64_t>* allowed, std::vector<std::string_view>* missing_categories);

}  // namespace kindred
