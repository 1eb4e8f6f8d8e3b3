// The declared tensors of a bundle as data: name pattern, dtype, symbolic shape, content rule. Internal to this room.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/bundle/tensor.h"

namespace kindred {

// An extent in terms of the bundle's counts.
enum class Extent : uint8_t {
  kNone,  // past the last dimension
  kAny,
  kItems,
  kItemsPlus1,
  kUsers,
  kUsersPlus1,
  kCategories,
  kCategoriesPlus1,
  kTokens,
  kTokensPlus1,
  kActions,
  kActionsPlus1,
  kSeen,         // elements of users.seen.values
  kRecommended,  // elements of users.recommendations.values
  kDim,          // d of the space
  kDimPlus1,
  kEmbedding,  // d_e of the space: columns of its tokens
  kCodeRows,   // ceil(d / 4) · 2: groups of 4 dims in two halves of a tile
  kTiles,      // ceil(n_items / 64): also the words of a bitmap
  kTileItems,  // tiles · 64
  kBlocks,     // tiles · 4
  kItemSlots,  // of a hash index: a power of two ≥ 2n
  kUserSlots,
  kCategorySlots,
  kTokenSlots,
  kActionSlots,
  kTraitItems,  // kTraitItemCount
  k2,
  k64,
};

// Spaces that a tensor may belong to.
enum class SpaceKind : uint8_t {
  kAny,     // or none
  kDense,   // has an item matrix
  kSparse,  // has sparse rows
};

// What the elements must be, for tensors that are not part of an id table or of compressed sparse rows.
enum class Content : uint8_t {
  kFree,
  kFinite,
  kNotNegative,  // and finite
  kFiniteOrNan,  // NaN: unknown
  kItemIndices,  // < n_items
  kPermutation,  // of 0 … n_items − 1
  kItemBitmaps,  // no bit at or past n_items
  kIdBytes,      // the next four are checked with their table
  kIdOffsets,
  kIdIndex,
  kRowOffsets,
  kRowValues,
};

struct TensorRule {
  std::string_view pattern;  // "<space>" and "<attribute>" stand for a name
  DType dtype;
  std::array<Extent, 4> shape;
  Content content;
  std::string_view needs;  // the pattern of a tensor that must be there too; "" = none
  SpaceKind kind = SpaceKind::kDense;
};

std::span<const TensorRule> TensorRules();

// The rule of tensor `name`, nullptr when there is none. *space is what stands for "<space>", empty without one.
const TensorRule* FindTensorRule(std::string_view name, std::string_view* space);

// The declared name nearest to an unknown one, with its space or attribute name put in.
std::string NearestTensorName(std::string_view name);

// `pattern` with `space` for "<space>".
std::string InstantiatePattern(std::string_view pattern, std::string_view space);

}  // namespace kindred
