#include "core/bundle/schema.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>
#include <vector>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/schema_table.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

// The last index values are kept free: tiles round n_items up to a multiple of 64.
constexpr uint64_t kMaxRows = (uint64_t{1} << 32) - 64;
// A Gram matrix is d², and an int8 inner product must fit 32 bits with room to spare.
constexpr uint64_t kMaxDim = 4096;
// Category bitmaps are n_categories × n_items / 8 bytes.
constexpr uint64_t kMaxCategories = 65'536;

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
Wanted WantedExtent(const BundleInfo& info, Extent extent, uint64_t dim) {
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
    case Extent::kDim:
      return {dim, "d", false};
    case Extent::kCodeRows:
      return {(dim + 3) / 4 * 2, "ceil(d / 4) * 2", false};
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

absl::Status CheckShape(const BundleInfo& info, const TensorEntry& entry, const TensorRule& rule, uint64_t dim) {
  size_t rank = 0;
  bool equal = true;
  std::vector<std::string> expected;
  for (; rank < rule.shape.size() && rule.shape[rank] != Extent::kNone; ++rank) {
    if (rule.shape[rank] == Extent::kAny) {
      expected.push_back("any");
      equal &= rank < entry.shape.size();
      continue;
    }
    const Wanted wanted = WantedExtent(info, rule.shape[rank], dim);
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

// The dimension of each space, from the shape of its item matrix.
absl::StatusOr<std::map<std::string, uint64_t, std::less<>>> SpaceDims(const Header& header) {
  std::map<std::string, uint64_t, std::less<>> dims;
  for (const TensorEntry& entry : header.tensors) {
    std::string_view space;
    const TensorRule* rule = FindTensorRule(entry.name, &space);
    if (rule == nullptr || space.empty() || !rule->pattern.ends_with(">.items")) continue;
    if (entry.shape.size() != 2 || entry.shape[1] == 0 || entry.shape[1] > kMaxDim) {
      return TensorError(entry, "shape is [", StrJoin(entry.shape, ", "), "], expected [n_items, d] with d from 1 to ",
                         kMaxDim);
    }
    dims.emplace(space, entry.shape[1]);
  }
  return dims;
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
absl::Status CheckTensors(const BundleInfo& info, const std::map<std::string, uint64_t, std::less<>>& dims) {
  std::set<std::string_view> present;
  for (const TensorEntry& entry : info.header.tensors) present.insert(entry.name);
  for (const TensorEntry& entry : info.header.tensors) {
    std::string_view space;
    const TensorRule* rule = FindTensorRule(entry.name, &space);
    if (entry.dtype != rule->dtype) {
      return TensorError(entry, "dtype is ", DTypeName(entry.dtype), ", expected ", DTypeName(rule->dtype));
    }
    uint64_t dim = 0;
    if (!space.empty()) {
      const auto it = dims.find(space);
      if (it == dims.end()) {
        return TensorError(entry, "belongs to a space without items, expected a tensor \"",
                           names::Space(space, names::kItems), "\" beside it");
      }
      dim = it->second;
    }
    if (!rule->needs.empty() && !present.contains(rule->needs)) {
      return TensorError(entry, "stands alone, expected a tensor \"", rule->needs, "\" beside it");
    }
    RETURN_IF_ERROR(CheckShape(info, entry, *rule, dim));
  }
  // Rows of these point into tables that only their content rule names.
  const auto needs = [&](const std::string& tensor, const std::string& other) {
    const TensorEntry* entry = FindEntry(info.header, tensor);
    if (entry == nullptr || present.contains(other)) return absl::OkStatus();
    return TensorError(*entry, "stands alone, expected a tensor \"", other, "\" beside it");
  };
  RETURN_IF_ERROR(needs(names::Offsets(names::kSeen), names::Offsets(names::kUserIds)));
  return needs(names::Offsets(names::kItemCategories), names::Offsets(names::kCategoryIds));
}

absl::Status CheckSpaces(const std::map<std::string, uint64_t, std::less<>>& dims, BundleInfo* info) {
  const auto& metadata = info->header.metadata;
  if (dims.empty()) {
    return HeaderError("there is no tensor \"", names::Space("<name>", names::kItems),
                       "\", expected at least one space");
  }
  if (const auto it = metadata.find(names::kSpaces); it != metadata.end()) {
    absl::StatusOr<SpaceSpecs> specs = SpaceSpecsFromJson(it->second);
    if (!specs.ok()) return HeaderError("metadata key \"", names::kSpaces, "\", ", specs.status().message());
    info->spaces = *std::move(specs);
    for (const auto& [name, dim] : dims) {
      if (!info->spaces.contains(name)) {
        return HeaderError("metadata key \"", names::kSpaces, "\" has no entry for space \"", name,
                           "\", expected one for each tensor \"", names::Space("<name>", names::kItems), "\"");
      }
    }
  } else {
    for (const auto& [name, dim] : dims) {
      SpaceSpec external;
      external.family = "external";
      external.dim = static_cast<uint32_t>(dim);
      info->spaces.emplace(name, external);
    }
  }
  for (const auto& [name, spec] : info->spaces) {
    const auto it = dims.find(name);
    if (it == dims.end()) {
      return HeaderError("metadata key \"", names::kSpaces, "\" describes space \"", name, "\", expected a tensor \"",
                         names::Space(name, names::kItems), "\"");
    }
    if (spec.dim != it->second) {
      return HeaderError("metadata key \"", names::kSpaces, "\" says dim ", spec.dim, " for space \"", name,
                         "\", expected ", it->second, ", the columns of \"", names::Space(name, names::kItems), "\"");
    }
  }
  if (!metadata.contains(names::kDefaultSpace)) {
    info->default_space = dims.contains("default") ? "default" : dims.begin()->first;
  } else if (!dims.contains(info->default_space)) {
    return HeaderError("metadata key \"", names::kDefaultSpace, "\" is ", Quoted(info->default_space),
                       ", expected the name of a space of the bundle");
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
  // Unknown names first: a misspelt tensor says more than the one that is missing for it.
  RETURN_IF_ERROR(CheckNames(header));
  const TensorEntry* item_offsets = FindEntry(header, names::Offsets(names::kItemIds));
  if (item_offsets == nullptr) {
    return HeaderError("there is no tensor \"", names::Offsets(names::kItemIds), "\", expected the ids of the items");
  }
  if (info->n_items == 0) return TensorError(*item_offsets, "has no rows, expected at least one item");
  ASSIGN_OR_RETURN(const auto dims, SpaceDims(header));
  RETURN_IF_ERROR(CheckTensors(*info, dims));
  RETURN_IF_ERROR(CheckSpaces(dims, info));
  RETURN_IF_ERROR(CheckCounts(*info));
  const TensorEntry* seen = FindEntry(header, names::Values(names::kSeen));
  info->n_interactions = seen == nullptr ? 0 : seen->shape[0];
  return absl::OkStatus();
}

}  // namespace kindred
