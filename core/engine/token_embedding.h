// Tokens → vectors: the mean token vector of a history, with what stands in for tokens and customers that nobody has
// trained on (requirements A4, A7, A8). Views; immutable and thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/bundle/space_spec.h"
#include "core/engine/event_history.h"
#include "core/engine/rows_view.h"

namespace kindred {

struct TokenEmbedding {
  uint32_t dim = 0;                   // d_e
  std::span<const float> tokens;      // [n_tokens × d_e]
  std::span<const float> categories;  // [n_categories × d_e] or empty
  std::span<const float> actions;     // [n_actions × d_e] or empty
  RowsView item_tokens;
  RowsView item_categories;
};

// A customer with fewer tokens is known by the categories of what they touched (A7).
inline constexpr uint32_t kFewTokens = 3;

// Adds weight · the vector that stands for `entry` to sum: [d_e]. That is the token's own; of an event without an
// action, the mean of its item's tokens; else the mean of its item's categories, else the mean of its action (A8).
// False, adding nothing, when there is none.
bool AddTokenVector(const TokenEmbedding& embedding, const TokenWeight& entry, double weight, std::span<double> sum);

// The same of the item's categories alone.
bool AddCategoryVector(const TokenEmbedding& embedding, uint32_t item, double weight, std::span<double> sum);

// Σ t(w)·v / Σ t(w) over what has a vector → mean: [d_e]. False when nothing has, or it is not finite. With
// `only_categories` (A7), of the items' categories in the place of their tokens.
bool MeanTokenVector(const TokenEmbedding& embedding, ValueTransform transform, std::span<const TokenWeight> history,
                     bool only_categories, std::span<double> mean);

}  // namespace kindred
