#include "core/bundle/schema_table.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/base/str_cat.h"

namespace kindred {
namespace {

using enum Extent;
using enum Content;

constexpr std::string_view kSpace = "<space>";
constexpr std::string_view kAttribute = "<attribute>";
constexpr std::string_view kSpaceChars = "abcdefghijklmnopqrstuvwxyz0123456789_";
constexpr std::string_view kAttributeChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
constexpr size_t kMaxPlaceholder = 64;

// clang-format off
constexpr TensorRule kRules[] = {
    {"items.ids.bytes", DType::kU8, {kAny}, kIdBytes, "items.ids.offsets"},
    {"items.ids.offsets", DType::kI64, {kItemsPlus1}, kIdOffsets, "items.ids.bytes"},
    {"items.ids.index", DType::kU64, {kItemSlots, k2}, kIdIndex, "items.ids.offsets"},
    {"users.ids.bytes", DType::kU8, {kAny}, kIdBytes, "users.ids.offsets"},
    {"users.ids.offsets", DType::kI64, {kUsersPlus1}, kIdOffsets, "users.ids.bytes"},
    {"users.ids.index", DType::kU64, {kUserSlots, k2}, kIdIndex, "users.ids.offsets"},
    {"categories.ids.bytes", DType::kU8, {kAny}, kIdBytes, "categories.ids.offsets"},
    {"categories.ids.offsets", DType::kI64, {kCategoriesPlus1}, kIdOffsets, "categories.ids.bytes"},
    {"categories.ids.index", DType::kU64, {kCategorySlots, k2}, kIdIndex, "categories.ids.offsets"},
    {"tokens.ids.bytes", DType::kU8, {kAny}, kIdBytes, "tokens.ids.offsets"},
    {"tokens.ids.offsets", DType::kI64, {kTokensPlus1}, kIdOffsets, "tokens.ids.bytes"},
    {"tokens.ids.index", DType::kU64, {kTokenSlots, k2}, kIdIndex, "tokens.ids.offsets"},
    {"actions.ids.bytes", DType::kU8, {kAny}, kIdBytes, "actions.ids.offsets"},
    {"actions.ids.offsets", DType::kI64, {kActionsPlus1}, kIdOffsets, "actions.ids.bytes"},
    {"actions.ids.index", DType::kU64, {kActionSlots, k2}, kIdIndex, "actions.ids.offsets"},
    {"items.names.bytes", DType::kU8, {kAny}, kIdBytes, "items.names.offsets"},
    {"items.names.offsets", DType::kI64, {kItemsPlus1}, kIdOffsets, "items.names.bytes"},
    {"users.seen.offsets", DType::kI64, {kUsersPlus1}, kRowOffsets, "users.seen.values"},
    {"users.seen.values", DType::kU32, {kAny}, kRowValues, "users.seen.offsets"},
    {"users.seen.weights", DType::kF32, {kSeen}, kFinite, "users.seen.values"},
    {"users.recommendations.offsets", DType::kI64, {kUsersPlus1}, kRowOffsets, "users.recommendations.values"},
    {"users.recommendations.values", DType::kU32, {kAny}, kRowValues, "users.recommendations.weights"},
    {"users.recommendations.weights", DType::kF32, {kRecommended}, kFinite, "users.recommendations.offsets"},
    {"items.categories.offsets", DType::kI64, {kItemsPlus1}, kRowOffsets, "items.categories.values"},
    {"items.categories.values", DType::kU32, {kAny}, kRowValues, "items.categories.offsets"},
    {"categories.bitmaps", DType::kU64, {kCategories, kTiles}, kItemBitmaps, "categories.ids.offsets"},
    {"items.popularity", DType::kF32, {kItems}, kNotNegative, ""},
    {"items.popularity_order", DType::kU32, {kItems}, kPermutation, ""},
    {"items.prior", DType::kF32, {kItems}, kNotNegative, ""},
    {"items.attr.<attribute>", DType::kF32, {kItems}, kFiniteOrNan, ""},
    {"golden.queries", DType::kU8, {kAny}, kFree, ""},
    {"space.<space>.items", DType::kF32, {kItems, kDim}, kFinite, ""},
    {"space.<space>.users", DType::kF32, {kUsers, kDim}, kFinite, "users.ids.offsets"},
    {"space.<space>.sources", DType::kF32, {kItems, kDim}, kFinite, ""},
    {"space.<space>.tokens", DType::kF32, {kTokens, kEmbedding}, kFinite, "tokens.ids.offsets"},
    {"space.<space>.basis", DType::kF32, {kDim, kEmbedding}, kFinite, "space.<space>.tokens"},
    {"space.<space>.average_profile", DType::kF32, {kDim}, kNotNegative, "space.<space>.basis"},
    {"space.<space>.category_vectors", DType::kF32, {kCategories, kEmbedding}, kFinite, "space.<space>.tokens"},
    {"space.<space>.action_vectors", DType::kF32, {kActions, kEmbedding}, kFinite, "space.<space>.tokens"},
    {"space.<space>.rows.offsets", DType::kI64, {kItemsPlus1}, kRowOffsets, "space.<space>.rows.values",
     SpaceKind::kSparse},
    {"space.<space>.rows.values", DType::kU32, {kAny}, kRowValues, "space.<space>.rows.weights", SpaceKind::kSparse},
    {"space.<space>.rows.weights", DType::kF32, {kAny}, kFinite, "space.<space>.rows.offsets", SpaceKind::kSparse},
    {"space.<space>.columns.offsets", DType::kI64, {kDimPlus1}, kRowOffsets, "space.<space>.columns.values",
     SpaceKind::kSparse},
    {"space.<space>.columns.values", DType::kU32, {kAny}, kRowValues, "space.<space>.columns.weights",
     SpaceKind::kSparse},
    {"space.<space>.columns.weights", DType::kF32, {kAny}, kFinite, "space.<space>.columns.offsets",
     SpaceKind::kSparse},
    {"space.<space>.average", DType::kF32, {kDim}, kFinite, ""},
    {"space.<space>.gram", DType::kF64, {kDim, kDim}, kFinite, ""},
    {"space.<space>.trait_items", DType::kU32, {kDim, kTraitItems}, kItemIndices, ""},
    {"space.<space>.q.codes", DType::kU8, {k2, kTiles, kCodeRows, k64}, kFree, ""},
    {"space.<space>.q.scales", DType::kF32, {kTileItems}, kNotNegative, ""},
    {"space.<space>.q.bounds", DType::kF32, {kBlocks, k2}, kNotNegative, ""},
    {"space.<space>.inverse_norms", DType::kF32, {kItems}, kNotNegative, "", SpaceKind::kAny},
    {"space.<space>.q.cosine_scales", DType::kF32, {kTileItems}, kNotNegative, ""},
    {"space.<space>.q.cosine_bounds", DType::kF32, {kBlocks, k2}, kNotNegative, ""},
};
// clang-format on

bool IsPlaceholderValue(std::string_view value, std::string_view alphabet) {
  return !value.empty() && value.size() <= kMaxPlaceholder && value.find_first_not_of(alphabet) == value.npos;
}

// What stands for "<space>" or "<attribute>" when `name` has the form of `pattern`.
bool Matches(std::string_view pattern, std::string_view name, std::string_view* value) {
  const size_t open = pattern.find('<');
  if (open == pattern.npos) return pattern == name;
  const std::string_view head = pattern.substr(0, open);
  const std::string_view tail = pattern.substr(pattern.find('>') + 1);
  if (name.size() < head.size() + tail.size() || !name.starts_with(head) || !name.ends_with(tail)) return false;
  *value = name.substr(head.size(), name.size() - head.size() - tail.size());
  return IsPlaceholderValue(*value, tail.empty() ? kAttributeChars : kSpaceChars);
}

std::string Replaced(std::string_view text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  if (at == text.npos) return std::string(text);
  return StrCat(text.substr(0, at), with, text.substr(at + what.size()));
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substituted = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::span<const TensorRule> TensorRules() { return kRules; }

const TensorRule* FindTensorRule(std::string_view name, std::string_view* space) {
  *space = {};
  for (const TensorRule& rule : kRules) {
    std::string_view value;
    if (!Matches(rule.pattern, name, &value)) continue;
    if (rule.pattern.find(kSpace) != rule.pattern.npos) *space = value;
    return &rule;
  }
  return nullptr;
}

std::string InstantiatePattern(std::string_view pattern, std::string_view space) {
  return Replaced(pattern, kSpace, space);
}

std::string NearestTensorName(std::string_view name) {
  // The part where a pattern has "<…>", so that only the fixed parts are compared.
  std::string_view part = name.substr(std::min(name.size(), name.find('.') + 1));
  const std::string_view space = part.substr(0, part.find('.'));
  const std::string_view attribute = name.substr(std::min(name.size(), name.rfind('.') + 1));
  std::string best;
  size_t best_distance = SIZE_MAX;
  for (const TensorRule& rule : kRules) {
    std::string candidate(rule.pattern);
    if (IsPlaceholderValue(space, kSpaceChars)) candidate = InstantiatePattern(candidate, space);
    if (IsPlaceholderValue(attribute, kAttributeChars)) {
      candidate = Replaced(candidate, kAttribute, attribute);
    }
    const size_t distance = EditDistance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = std::move(candidate);
    }
  }
  return best;
}

}  // namespace kindred
