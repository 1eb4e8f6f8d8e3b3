#include "core/engine/derive.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/read_once.h"
#include "core/base/status_macros.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/rows_view.h"
#include "core/engine/space_tensors.h"
#include "core/engine/token_means.h"

namespace kindred {
namespace {

// A Gram matrix is a sum of doubles whose order a compiler may choose; everything else is compared byte by byte.
constexpr double kGramTolerance = 1e-9;

using Tensors = std::vector<OwnedTensor>;

std::vector<uint64_t> Shape(std::initializer_list<uint64_t> extents) { return {extents}; }

absl::Status AppendIndex(std::string_view table, const TensorMap& tensors, Tensors* out) {
  if (FindTensor(tensors, names::Offsets(table)) == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(OwnedTensor index, MakeIdIndex(table, IdTableFrom(tensors, table)));
  out->push_back(std::move(index));
  return absl::OkStatus();
}

OwnedTensor CategoryBitmaps(const BundleInfo& info, const TensorMap& tensors) {
  const uint64_t words = (info.n_items + 63) / 64;
  auto tensor = OwnedTensor::Zeros<uint64_t>(std::string(names::kCategoryBitmaps), Shape({info.n_categories, words}));
  const auto bits = tensor.Data<uint64_t>();
  const auto offsets = TensorOrEmpty<int64_t>(tensors, names::Offsets(names::kItemCategories));
  const auto values = TensorOrEmpty<uint32_t>(tensors, names::Values(names::kItemCategories));
  for (uint64_t item = 0; item + 1 < offsets.size(); ++item) {
    for (int64_t v = offsets[item]; v < offsets[item + 1]; ++v) {
      bits[values[v] * words + item / 64] |= uint64_t{1} << (item % 64);
    }
  }
  return tensor;
}

OwnedTensor Popularity(const BundleInfo& info, const TensorMap& tensors) {
  auto tensor = OwnedTensor::Zeros<float>(std::string(names::kPopularity), Shape({info.n_items}));
  const auto counts = tensor.Data<float>();
  for (const uint32_t& value : TensorOrEmpty<uint32_t>(tensors, names::Values(names::kSeen))) {
    // A file may change after it was checked, or be one that only its header vouches for.
    const uint32_t item = ReadOnce(value);
    if (item < counts.size()) counts[item] += 1;
  }
  return tensor;
}

OwnedTensor PopularityOrder(std::span<const float> popularity) {
  auto tensor = OwnedTensor::Zeros<uint32_t>(std::string(names::kPopularityOrder), Shape({popularity.size()}));
  const auto order = tensor.Data<uint32_t>();
  std::iota(order.begin(), order.end(), 0u);
  // A copy: a sort may not see numbers change.
  const std::vector<float> by(popularity.begin(), popularity.end());
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return by[a] > by[b]; });
  return tensor;
}

// b = ln(1 + popularity) / max, so that β has the same meaning in every catalogue.
OwnedTensor ItemPrior(std::span<const float> popularity) {
  auto tensor = OwnedTensor::Zeros<float>(std::string(names::kItemPrior), Shape({popularity.size()}));
  const auto prior = tensor.Data<float>();
  double max = 0;
  for (float count : popularity) max = std::max(max, std::log1p(static_cast<double>(count)));
  if (max == 0) return tensor;
  for (size_t i = 0; i < prior.size(); ++i) {
    prior[i] = static_cast<float>(std::log1p(static_cast<double>(popularity[i])) / max);
  }
  return tensor;
}

// What a space of sparse rows is served by: postings per feature, and norms.
template <typename Wanted>
void DeriveSparse(const BundleInfo& info, const TensorMap& tensors, const std::string& space, const SpaceSpec& spec,
                  const Wanted& wanted, Tensors* out) {
  if (spec.fold_in != FoldIn::kSparse) return;
  const std::string columns = names::Space(space, names::kColumns);
  const std::string csr = names::Space(space, names::kRows);
  const RowsView rows = {TensorOrEmpty<int64_t>(tensors, names::Offsets(csr)),
                         TensorOrEmpty<uint32_t>(tensors, names::Values(csr)),
                         TensorOrEmpty<float>(tensors, names::Weights(csr))};
  if (wanted(names::Space(space, names::kInverseNorms))) {
    auto norms = OwnedTensor::Zeros<float>(names::Space(space, names::kInverseNorms), Shape({info.n_items}));
    for (uint32_t item = 0; item < info.n_items; ++item) {
      double sum = 0;
      for (float weight : rows.RowWeights(item)) sum += static_cast<double>(weight) * weight;
      const double inverse = sum > 0 ? 1 / std::sqrt(sum) : 0;
      constexpr double kLargest = std::numeric_limits<float>::max();
      norms.Data<float>()[item] = static_cast<float>(std::min(inverse, kLargest));
    }
    out->push_back(std::move(norms));
  }
  if (!wanted(names::Offsets(columns)) && !wanted(names::Values(columns)) && !wanted(names::Weights(columns))) return;
  auto offsets = OwnedTensor::Zeros<int64_t>(names::Offsets(columns), Shape({uint64_t{spec.dim} + 1}));
  auto values = OwnedTensor::Zeros<uint32_t>(names::Values(columns), Shape({rows.values.size()}));
  auto weights = OwnedTensor::Zeros<float>(names::Weights(columns), Shape({rows.values.size()}));
  const auto begin = offsets.Data<int64_t>();
  // Counted and then filled in: of a file that changes in between what no longer fits is left out.
  for (const uint32_t& value : rows.values) {
    const uint32_t feature = ReadOnce(value);
    if (feature < spec.dim) ++begin[size_t{feature} + 1];
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<int64_t> next(begin.begin(), begin.end() - 1);
  for (uint32_t item = 0; item < info.n_items; ++item) {
    const auto [features, feature_weights] = rows.RowEntries(item);
    for (size_t f = 0; f < features.size(); ++f) {
      const uint32_t feature = ReadOnce(features[f]);
      if (feature >= spec.dim || next[feature] == begin[size_t{feature} + 1]) continue;
      const int64_t at = next[feature]++;
      values.Data<uint32_t>()[at] = item;
      weights.Data<float>()[at] = feature_weights[f];
    }
  }
  for (OwnedTensor* tensor : {&offsets, &values, &weights}) out->push_back(std::move(*tensor));
}

// Fold-ins that read XᵀX; of a blend it would be d² numbers for nothing.
bool NeedsGram(const SpaceSpec& spec) {
  return spec.fold_in == FoldIn::kRidge || spec.fold_in == FoldIn::kNnls || spec.fold_in == FoldIn::kImplicit ||
         spec.fold_in == FoldIn::kMean;
}

// Derives what `wanted` says is wanted, in dependency order.
template <typename Wanted>
absl::Status Derive(const BundleInfo& info, const TensorMap& tensors, const Wanted& wanted, Tensors* out) {
  for (std::string_view table :
       {names::kItemIds, names::kUserIds, names::kCategoryIds, names::kTokenIds, names::kActionIds}) {
    if (wanted(names::Index(table))) RETURN_IF_ERROR(AppendIndex(table, tensors, out));
  }
  if (info.n_categories > 0 && wanted(names::kCategoryBitmaps)) out->push_back(CategoryBitmaps(info, tensors));

  OwnedTensor counted;
  std::span<const float> popularity = TensorOrEmpty<float>(tensors, names::kPopularity);
  if (popularity.empty()) {
    counted = Popularity(info, tensors);
    popularity = counted.Data<float>();
  }
  if (wanted(names::kPopularityOrder)) out->push_back(PopularityOrder(popularity));
  if (wanted(names::kItemPrior)) out->push_back(ItemPrior(popularity));
  if (wanted(names::kPopularity)) out->push_back(std::move(counted));

  for (const auto& [space, spec] : info.spaces) {
    if (IsSparse(spec.fold_in)) {
      DeriveSparse(info, tensors, space, spec, wanted, out);
      continue;
    }
    const auto name = [&space = space](std::string_view part) { return names::Space(space, part); };
    const uint64_t dim = spec.dim;
    auto items = TensorOrEmpty<float>(tensors, name(names::kItems));
    const auto users = TensorOrEmpty<float>(tensors, name(names::kUsers));
    const bool blend = spec.fold_in == FoldIn::kBlend;
    OwnedTensor blended;
    if (blend && (items.empty() || wanted(name(names::kItems)))) {
      blended = MakeBlendItems(name(names::kItems), info, spec, tensors);
      items = blended.Data<float>();
    }
    if (NeedsGram(spec) && wanted(name(names::kGram))) {
      out->push_back(MakeGram(name(names::kGram), items, dim));
    }
    if (wanted(name(names::kAverage))) {
      out->push_back(blend ? MakeBlendAverage(name(names::kAverage), info.spaces, spec, tensors)
                           : MakeAverageUser(name(names::kAverage), users, dim));
    }
    if (wanted(name(names::kTraitItems))) {
      out->push_back(MakeTraitItems(name(names::kTraitItems), items, info.n_items, dim));
    }
    Tensors quantized;
    for (std::string_view part : {names::kCodes, names::kScales, names::kBounds, names::kInverseNorms,
                                  names::kCosineScales, names::kCosineBounds}) {
      if (!wanted(name(part))) continue;
      if (quantized.empty()) AppendQuantized(space, items, info.n_items, dim, &quantized);
      for (OwnedTensor& tensor : quantized) {
        if (tensor.name == name(part)) out->push_back(std::move(tensor));
      }
    }
    if (blend && wanted(name(names::kItems))) out->push_back(std::move(blended));
  }
  return AppendTokenMeans(info, tensors, wanted, out);
}

absl::Status Differs(const BundleInfo& info, const std::string& name, const TensorView& found, uint64_t byte) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: tensor '%s' at byte %d of the file does not follow from the factors it was derived from; "
                      "pack the bundle again",
                      info.path, name, found.file_offset + byte));
}

absl::Status CompareGram(const BundleInfo& info, const OwnedTensor& expected, const TensorView& found) {
  const auto want = expected.view().As<double>();
  const auto have = found.As<double>();
  double scale = 0;
  for (double value : want) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < want.size(); ++i) {
    // Written so that a NaN differs.
    if (!(std::abs(want[i] - have[i]) <= kGramTolerance * scale)) {
      return Differs(info, expected.name, found, i * sizeof(double));
    }
  }
  return absl::OkStatus();
}

absl::Status CompareBytes(const BundleInfo& info, const OwnedTensor& expected, const TensorView& found) {
  const auto want = expected.bytes.span();
  if (std::ranges::equal(want, found.bytes)) return absl::OkStatus();
  const auto mismatch = std::mismatch(want.begin(), want.end(), found.bytes.begin(), found.bytes.end());
  return Differs(info, expected.name, found, static_cast<uint64_t>(mismatch.first - want.begin()));
}

// A writer may bring these itself, so they need not follow from the rest.
bool MayBeGiven(std::string_view name) {
  return name == names::kPopularity || name == names::kItemPrior ||
         name.ends_with(absl::StrFormat(".%s", names::kAverage)) ||
         name.ends_with(absl::StrFormat(".%s", names::kCategoryVectors)) ||
         name.ends_with(absl::StrFormat(".%s", names::kActionVectors)) ||
         name.ends_with(absl::StrFormat(".%s", names::kTraitItems));
}

}  // namespace

absl::StatusOr<std::vector<OwnedTensor>> DeriveMissing(const BundleInfo& info, const TensorMap& tensors) {
  Tensors out;
  const auto missing = [&](std::string_view name) { return FindTensor(tensors, name) == nullptr; };
  RETURN_IF_ERROR(Derive(info, tensors, missing, &out));
  return out;
}

absl::Status CheckDerived(const BundleInfo& info, const TensorMap& tensors) {
  Tensors expected;
  const auto present = [&](std::string_view name) { return !MayBeGiven(name) && FindTensor(tensors, name) != nullptr; };
  RETURN_IF_ERROR(Derive(info, tensors, present, &expected));
  for (const OwnedTensor& tensor : expected) {
    const TensorView& found = *FindTensor(tensors, tensor.name);
    const bool gram = tensor.dtype == DType::kF64;
    RETURN_IF_ERROR(gram ? CompareGram(info, tensor, found) : CompareBytes(info, tensor, found));
  }
  return absl::OkStatus();
}

}  // namespace kindred
