#include <algorithm>
#include <string>
#include <unordered_set>

#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/category_rows.h"
#include "core/engine/index_copies.h"
#include "core/lifecycle/memory_room.h"

namespace kindred {
namespace {

constexpr uint64_t kTile = 64;   // items
constexpr uint64_t kBlocks = 4;  // of a tile

class Estimate {
 public:
  explicit Estimate(const BundleInfo& info) : info_(info) {
    for (const TensorEntry& entry : info.header.tensors) {
      here_.insert(entry.name);
      if (IsCopiedIndex(entry.name)) bytes_ += entry.end - entry.begin;
      if (entry.begin % DTypeSize(entry.dtype) != 0) bytes_ += entry.end - entry.begin;
    }
  }

  uint64_t Total() {
    Ids(names::kItemIds, info_.n_items);
    Ids(names::kUserIds, info_.n_users);
    Ids(names::kCategoryIds, info_.n_categories);
    Ids(names::kTokenIds, info_.n_tokens);
    Ids(names::kActionIds, info_.n_actions);
    const uint64_t n = info_.n_items;
    if (info_.n_categories > 0) Made(names::kCategoryBitmaps, info_.n_categories * ((n + 63) / 64) * 8);
    for (std::string_view name : {names::kPopularity, names::kPopularityOrder, names::kItemPrior}) Made(name, n * 4);
    bytes_ += Tiles() * kTile * 4;                                // the prior, padded
    if (info_.n_tokens > 0) bytes_ += (n + info_.n_tokens) * 12;  // tokens by item
    for (const auto& [name, spec] : info_.spaces) {
      if (IsSparse(spec.fold_in)) {
        Sparse(name, spec);
      } else {
        Dense(name, spec);
      }
    }
    return bytes_;
  }

 private:
  uint64_t Tiles() const { return (info_.n_items + kTile - 1) / kTile; }

  void Made(std::string_view name, uint64_t bytes) {
    if (!here_.contains(std::string(name))) bytes_ += bytes;
  }

  void Ids(std::string_view table, uint64_t n) {
    if (n > 0) Made(names::Index(table), IdIndexSlots(n) * 2 * sizeof(uint64_t));
  }

  void Dense(const std::string& space, const SpaceSpec& spec) {
    const uint64_t n = info_.n_items, d = spec.dim;
    const auto made = [&](std::string_view part, uint64_t bytes) { Made(names::Space(space, part), bytes); };
    const bool solved =
        spec.fold_in == FoldIn::kRidge || spec.fold_in == FoldIn::kNnls || spec.fold_in == FoldIn::kImplicit;
    if (solved || spec.fold_in == FoldIn::kMean) made(names::kGram, d * d * 8);
    if (solved) bytes_ += d * d * 8;  // its factor, or its copy
    if (spec.fold_in == FoldIn::kBlend) made(names::kItems, n * d * 4);
    made(names::kAverage, d * 4);
    made(names::kTraitItems, d * names::kTraitItemCount * 4);
    made(names::kCodes, 2 * Tiles() * ((d + 3) / 4) * 2 * kTile);
    made(names::kInverseNorms, n * 4);
    for (std::string_view part : {names::kScales, names::kCosineScales}) made(part, Tiles() * kTile * 4);
    for (std::string_view part : {names::kBounds, names::kCosineBounds}) made(part, Tiles() * kBlocks * 2 * 4);
    bytes_ += info_.n_categories * d * 4;  // means of categories
  }

  void Sparse(const std::string& space, const SpaceSpec& spec) {
    const std::string columns = names::Space(space, names::kColumns);
    const std::string rows = names::Space(space, names::kRows);
    uint64_t values = 0;
    for (const TensorEntry& entry : info_.header.tensors) {
      if (entry.name == names::Values(rows)) values = (entry.end - entry.begin) / DTypeSize(entry.dtype);
    }
    if (spec.fold_in == FoldIn::kSparse) {
      Made(names::Space(space, names::kInverseNorms), info_.n_items * 4);
      Made(names::Offsets(columns), (uint64_t{spec.dim} + 1) * 8);
      Made(names::Values(columns), values * 4);
      Made(names::Weights(columns), values * 4);
    }
    // Rows of categories: no more numbers than the rows of their items have, unless an item is in several.
    const uint64_t row = std::min<uint64_t>(kMaxCategoryRow, spec.dim);
    bytes_ += std::min({info_.n_categories * row, kMaxCategoryRowNumbers, 4 * values}) * 8;
  }

  const BundleInfo& info_;
  std::unordered_set<std::string> here_;
  uint64_t bytes_ = 0;
};

}  // namespace

uint64_t BytesMadeAtLoad(const BundleInfo& info, LoadMode mode) {
  return Estimate(info).Total() + (mode == LoadMode::kCopy ? info.file_size : 0);
}

}  // namespace kindred
