#include "core/bundle/schema.h"

#include <algorithm>
#include <bit>
#include <set>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/schema_table.h"
#include "core/bundle/space_checks.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

// The last index values are kept free: tiles round n_items up to a multiple of 64.
constexpr uint64_t kMaxRows = (uint64_t{1} << 32) - 64;
// Category bitmaps are n_categories × n_items / 8 bytes.
constexpr uint64_t kMaxCategories = 65'536;
constexpr uint64_t kMaxActions = 65'536;

template <typename... Parts>
absl::Status TensorError(const TensorEntry& entry, const Parts&... parts) {
  return absl::InvalidArgumentError(
      StrCat("tensor ", Quoted(entry.name), ", bytes ", entry.begin, "..", entry.end, ": ", parts...));
}

template <typename... Parts>
absl::Status HeaderError(const Parts&... parts) {
  return absl::InvalidArgumentError(StrCat("header: ", parts...));
}

const TensorEntry* FindEntry(const Header& header, std::string_view name) {
  const auto it = std::find_if(header.tensors.begin(), header.tensors.end(),
                               [&](const TensorEntry& entry) { return entry.name == name; });
  return it == header.tensors.end() ? nullptr : &*it;
}

// Rows of an id table, from its offsets; 0 when it is absent.
absl::Status CountRows(const Header& header, std::string_view table, uint64_t max, uint64_t* rows) {
  *rows = 0;
  const TensorEntry* offsets = FindEntry(header, names::Offsets(table));
  if (offsets == nullptr) return absl::OkStatus();
  if (offsets->shape.size() != 1 || offsets->shape[0] == 0) {
    return TensorError(*offsets, "shape is [", StrJoin(offsets->shape, ", "), "], expected [rows + 1]");
  }
  *rows = offsets->shape[0] - 1;
  if (*rows > max) return TensorError(*offsets, "has ", *rows, " rows, expected at most ", max);
  return absl::OkStatus();
}

struct Wanted {
  uint64_t value;
  std::string text;  // how it came about, for messages
  bool at_least;     // a hash index: a power of two ≥ value
};

// REQUIRES: extent is neither kNone nor kAny.
Wanted WantedExtent(const BundleInfo& info, Extent extent, const SpaceShape& space) {
  const uint64_t tiles = (info.n_items + 63) / 64;
  const auto slots = [](uint64_t rows) { return std::max<uint64_t>(2, 2 * rows); };
  switch (extent) {
    case Extent::kItems:
      return {info.n_items, "n_items", false};
    case Extent::kItemsPlus1:
      return {info.n_items + 1, "n_items + 1", false};
    case Extent::kUsers:
      return {info.n_users, "n_users", false};
    case Extent::kUsersPlus1:
      return {info.n_users + 1, "n_users + 1", false};
    case Extent::kCategories:
      return {info.n_categories, "n_categories", false};
    case Extent::kCategoriesPlus1:
      return {info.n_categories + 1, "n_categories + 1", false};
    case Extent::kTokens:
      return {info.n_tokens, "n_tokens", false};
    case Extent::kTokensPlus1:
      return {info.n_tokens + 1, "n_tokens + 1", false};
    case Extent::kActions:
      return {info.n_actions, "n_actions", false};
    case Extent::kActionsPlus1:
      return {info.n_actions + 1, "n_actions + 1", false};
    case Extent::kSeen:
      return {info.n_interactions, "elements of users.seen.values", false};
    case Extent::kRecommended:
      return {info.n_recommendations, "elements of users.recommendations.values", false};
    case Extent::kDim:
      return {space.dim, "d", false};
    case Extent::kDimPlus1:
      return {space.dim + 1, "d + 1", false};
    case Extent::kEmbedding:
      return {space.embedding, "d_e", false};
    case Extent::kCodeRows:
      return {(space.dim + 3) / 4 * 2, "ceil(d / 4) * 2", false};
    case Extent::kTiles:
      return {tiles, "ceil(n_items / 64)", false};
    case Extent::kTileItems:
      return {tiles * 64, "ceil(n_items / 64) * 64", false};
    case Extent::kBlocks:
      return {tiles * 4, "ceil(n_items / 64) * 4", false};
    case Extent::kItemSlots:
      return {slots(info.n_items), "n_items * 2", true};
    case Extent::kUserSlots:
      return {slots(info.n_users), "n_users * 2", true};
    case Extent::kCategorySlots:
      return {slots(info.n_categories), "n_categories * 2", true};
    case Extent::kTokenSlots:
      return {slots(info.n_tokens), "n_tokens * 2", true};
    case Extent::kActionSlots:
      return {slots(info.n_actions), "n_actions * 2", true};
    case Extent::kTraitItems:
      return {names::kTraitItemCount, "", false};
    case Extent::k2:
      return {2, "", false};
    case Extent::k64:
      return {64, "", false};
    case Extent::kNone:
    case Extent::kAny:
      break;
  }
  return {0, "", false};
}

absl::Status CheckShape(const BundleInfo& info, const TensorEntry& entry, const TensorRule& rule,
                        const SpaceShape& space) {
  size_t rank = 0;
  bool equal = true;
  std::vector<std::string> expected;
  for (; rank < rule.shape.size() && rule.shape[rank] != Extent::kNone; ++rank) {
    if (rule.shape[rank] == Extent::kAny) {
      expected.push_back("any");
      equal &= rank < entry.shape.size();
      continue;
    }
    const Wanted wanted = WantedExtent(info, rule.shape[rank], space);
    expected.push_back(wanted.text.empty() ? StrCat(wanted.value)
                       : wanted.at_least   ? StrCat("a power of two >= ", wanted.text, " = ", wanted.value)
                                           : StrCat(wanted.text, " = ", wanted.value));
    if (rank >= entry.shape.size()) {
      equal = false;
    } else if (wanted.at_least) {
      equal &= entry.shape[rank] >= wanted.value && std::has_single_bit(entry.shape[rank]);
    } else {
      equal &= entry.shape[rank] == wanted.value;
    }
  }
  if (equal && rank == entry.shape.size()) return absl::OkStatus();
  return TensorError(entry, "shape is [", StrJoin(entry.shape, ", "), "], expected [", StrJoin(expected, ", "), "]");
}

absl::Status CheckNames(const Header& header) {
  for (const TensorEntry& entry : header.tensors) {
    std::string_view space;
    if (FindTensorRule(entry.name, &space) != nullptr) continue;
    return TensorError(entry, "is not a tensor that bundles have; the nearest name is \"",
                       NearestTensorName(entry.name), "\" (docs/bundle_format.md lists all)");
  }
  return absl::OkStatus();
}

// REQUIRES: CheckNames passed.
absl::Status CheckTensors(const BundleInfo& info, const SpaceShapes& shapes) {
  std::set<std::string_view> present;
  for (const TensorEntry& entry : info.header.tensors) present.insert(entry.name);
  // Rows of these point into tables that only their content rule names.
  const auto needs = [&](const std::string& tensor, const std::string& other) {
    const TensorEntry* entry = FindEntry(info.header, tensor);
    if (entry == nullptr || present.contains(other)) return absl::OkStatus();
    return TensorError(*entry, "stands alone, expected a tensor \"", other, "\" beside it");
  };
  RETURN_IF_ERROR(needs(names::Offsets(names::kSeen), names::Offsets(names::kUserIds)));
  RETURN_IF_ERROR(needs(names::Offsets(names::kRecommendations), names::Offsets(names::kUserIds)));
  RETURN_IF_ERROR(needs(names::Offsets(names::kItemCategories), names::Offsets(names::kCategoryIds)));
  for (const auto& [name, shape] : shapes) {
    RETURN_IF_ERROR(needs(names::Space(name, names::kCategoryVectors), names::Offsets(names::kCategoryIds)));
    RETURN_IF_ERROR(needs(names::Space(name, names::kActionVectors), names::Offsets(names::kActionIds)));
  }
  for (const TensorEntry& entry : info.header.tensors) {
    std::string_view space;
    const TensorRule* rule = FindTensorRule(entry.name, &space);
    if (entry.dtype != rule->dtype) {
      return TensorError(entry, "dtype is ", DTypeName(entry.dtype), ", expected ", DTypeName(rule->dtype));
    }
    SpaceShape shape;
    if (!space.empty()) {
      const auto it = shapes.find(space);
      const bool there = it != shapes.end() && (it->second.has_items || it->second.has_rows);
      if (!there || (rule->kind == SpaceKind::kDense && it->second.has_rows)) {
        return TensorError(entry, "belongs to a space without items, expected a tensor \"",
                           names::Space(space, names::kItems), "\" beside it");
      }
      if (rule->kind == SpaceKind::kSparse && !it->second.has_rows) {
        return TensorError(entry, "belongs to a space without sparse rows, expected a tensor \"",
                           names::Space(space, names::Offsets(names::kRows)), "\" beside it");
      }
      shape = it->second;
    }
    if (const std::string needed = InstantiatePattern(rule->needs, space);
        !needed.empty() && !present.contains(needed)) {
      return TensorError(entry, "stands alone, expected a tensor \"", needed, "\" beside it");
    }
    RETURN_IF_ERROR(CheckShape(info, entry, *rule, shape));
  }
  for (const auto& [name, shape] : shapes) {
    const TensorEntry* values = FindEntry(info.header, names::Space(name, names::Values(names::kRows)));
    for (std::string_view csr : {names::kRows, names::kColumns}) {
      for (const std::string& part : {names::Values(csr), names::Weights(csr)}) {
        const TensorEntry* entry = FindEntry(info.header, names::Space(name, part));
        if (entry == nullptr || entry->shape == values->shape) continue;
        return TensorError(*entry, "shape is [", StrJoin(entry->shape, ", "), "], expected [",
                           StrJoin(values->shape, ", "), "], that of \"", values->name, "\"");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCounts(const BundleInfo& info) {
  const auto it = info.header.metadata.find(names::kCounts);
  if (it == info.header.metadata.end()) return absl::OkStatus();
  const auto counts = ParseCountObject(it->second);
  if (!counts.ok()) return HeaderError("metadata key \"", names::kCounts, "\", ", counts.status().message());
  for (const auto& [key, value] : *counts) {
    // Interactions count repeats, which users.seen does not keep.
    if (key == "interactions") continue;
    if (key != "items" && key != "users") {
      return HeaderError("metadata key \"", names::kCounts, "\" has the key ", Quoted(key),
                         ", expected users, items, interactions");
    }
    const uint64_t expected = key == "items" ? info.n_items : info.n_users;
    if (value != expected) {
      return HeaderError("metadata key \"", names::kCounts, "\" says ", value, " ", key, ", expected ", expected,
                         ", the rows of \"", names::Offsets(key == "items" ? names::kItemIds : names::kUserIds),
                         "\" less one");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckStructure(BundleInfo* info) {
  const Header& header = info->header;
  RETURN_IF_ERROR(CountRows(header, names::kItemIds, kMaxRows - 1, &info->n_items));
  RETURN_IF_ERROR(CountRows(header, names::kUserIds, kMaxRows - 1, &info->n_users));
  RETURN_IF_ERROR(CountRows(header, names::kCategoryIds, kMaxCategories, &info->n_categories));
  RETURN_IF_ERROR(CountRows(header, names::kTokenIds, kMaxRows - 1, &info->n_tokens));
  RETURN_IF_ERROR(CountRows(header, names::kActionIds, kMaxActions, &info->n_actions));
  // Unknown names first: a misspelt tensor says more than the one that is missing for it.
  RETURN_IF_ERROR(CheckNames(header));
  const TensorEntry* item_offsets = FindEntry(header, names::Offsets(names::kItemIds));
  if (item_offsets == nullptr) {
    return HeaderError("there is no tensor \"", names::Offsets(names::kItemIds), "\", expected the ids of the items");
  }
  if (info->n_items == 0) return TensorError(*item_offsets, "has no rows, expected at least one item");
  const auto length = [&](const std::string& name) {
    const TensorEntry* entry = FindEntry(header, name);
    return entry == nullptr || entry->shape.size() != 1 ? 0 : entry->shape[0];
  };
  info->n_interactions = length(names::Values(names::kSeen));
  info->n_recommendations = length(names::Values(names::kRecommendations));
  ASSIGN_OR_RETURN(const SpaceShapes shapes, ReadSpaceShapes(info));
  RETURN_IF_ERROR(CheckTensors(*info, shapes));
  RETURN_IF_ERROR(CheckSpaces(shapes, info));
  return CheckCounts(*info);
}

}  // namespace kindred
