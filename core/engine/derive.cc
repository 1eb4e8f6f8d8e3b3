#include "core/engine/derive.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/event_history.h"
#include "core/engine/rows_view.h"
#include "core/kernels/kernels.h"
#include "core/topk/quantizer.h"

namespace kindred {
namespace {

// A Gram matrix is a sum of doubles whose order a compiler may choose; everything else is compared byte by byte.
constexpr double kGramTolerance = 1e-9;

// Category vectors are derived up to this size: a small file may not ask for gigabytes.
constexpr uint64_t kMaxCategoryNumbers = uint64_t{1} << 26;

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
  for (uint32_t item : TensorOrEmpty<uint32_t>(tensors, names::Values(names::kSeen))) counts[item] += 1;
  return tensor;
}

OwnedTensor PopularityOrder(std::span<const float> popularity) {
  auto tensor = OwnedTensor::Zeros<uint32_t>(std::string(names::kPopularityOrder), Shape({popularity.size()}));
  const auto order = tensor.Data<uint32_t>();
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return popularity[a] > popularity[b]; });
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

OwnedTensor Gram(const std::string& name, std::span<const float> items, uint64_t dim) {
  auto tensor = OwnedTensor::Zeros<double>(name, Shape({dim, dim}));
  const auto gram = tensor.Data<double>();
  std::vector<double> row(dim);
  for (size_t begin = 0; begin + dim <= items.size(); begin += dim) {
    std::copy_n(items.begin() + begin, dim, row.begin());
    for (size_t i = 0; i < dim; ++i) {
      const double x = row[i];
      if (x == 0) continue;
      double* out = &gram[i * dim];
      for (size_t j = 0; j <= i; ++j) out[j] += x * row[j];
    }
  }
  for (size_t i = 0; i < dim; ++i) {
    for (size_t j = 0; j < i; ++j) gram[j * dim + i] = gram[i * dim + j];
  }
  return tensor;
}

OwnedTensor AverageUser(const std::string& name, std::span<const float> users, uint64_t dim) {
  auto tensor = OwnedTensor::Zeros<float>(name, Shape({dim}));
  if (users.empty()) return tensor;
  std::vector<double> sum(dim, 0.0);
  for (size_t i = 0; i < users.size(); ++i) sum[i % dim] += users[i];
  const double n_users = static_cast<double>(users.size() / dim);
  for (size_t j = 0; j < dim; ++j) tensor.Data<float>()[j] = static_cast<float>(sum[j] / n_users);
  return tensor;
}

// The items that say most about a dimension: large there, and there more than elsewhere. x·(x / Σ|x|) ranks an item
// that is everything to one trait above a staple that is something to all of them.
OwnedTensor TraitItems(const std::string& name, std::span<const float> items, uint64_t n_items, uint64_t dim) {
  auto tensor = OwnedTensor::Zeros<uint32_t>(name, Shape({dim, names::kTraitItemCount}));
  const auto out = tensor.Data<uint32_t>();
  std::vector<double> row_sums(n_items, 0.0);
  for (uint64_t i = 0; i < n_items; ++i) {
    for (uint64_t j = 0; j < dim; ++j) row_sums[i] += std::abs(static_cast<double>(items[i * dim + j]));
  }
  std::vector<double> strength(n_items);
  std::vector<uint32_t> order(n_items);
  const uint64_t count = std::min<uint64_t>(names::kTraitItemCount, n_items);
  for (uint64_t j = 0; j < dim; ++j) {
    for (uint64_t i = 0; i < n_items; ++i) {
      const double x = items[i * dim + j];
      strength[i] = row_sums[i] > 0 ? x * (std::abs(x) / row_sums[i]) : 0;
    }
    std::iota(order.begin(), order.end(), 0u);
    std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](uint32_t a, uint32_t b) {
      return strength[a] != strength[b] ? strength[a] > strength[b] : a < b;
    });
    // A catalogue smaller than the list repeats its last item.
    for (uint64_t c = 0; c < names::kTraitItemCount; ++c) {
      out[j * names::kTraitItemCount + c] = order[std::min(c, count - 1)];
    }
  }
  return tensor;
}

// The item matrix of a blend: the parts' one after another, each brought to one scale and weighted.
OwnedTensor BlendItems(const std::string& name, const BundleInfo& info, const SpaceSpec& blend,
                       const TensorMap& tensors) {
  auto tensor = OwnedTensor::Zeros<float>(name, Shape({info.n_items, blend.dim}));
  const auto out = tensor.Data<float>();
  uint64_t begin = 0;
  for (const BlendPart& part : blend.parts) {
    const SpaceSpec& spec = info.spaces.find(part.space)->second;
    const auto items = TensorOrEmpty<float>(tensors, names::Space(part.space, names::kItems));
    const uint64_t dim = spec.dim;
    const auto squared_norm = [&](uint64_t item) {
      double sum = 0;
      for (uint64_t j = 0; j < dim; ++j) sum += static_cast<double>(items[item * dim + j]) * items[item * dim + j];
      return sum;
    };
    double mean_square = 0;
    for (uint64_t item = 0; item < info.n_items; ++item) mean_square += squared_norm(item);
    mean_square /= static_cast<double>(info.n_items);
    for (uint64_t item = 0; item < info.n_items; ++item) {
      const double square = spec.metric == Metric::kCosine ? squared_norm(item) : mean_square;
      const double scale = square > 0 ? part.weight / std::sqrt(square) : 0;
      for (uint64_t j = 0; j < dim; ++j) {
        out[item * blend.dim + begin + j] = static_cast<float>(scale * items[item * dim + j]);
      }
    }
    begin += dim;
  }
  return tensor;
}

// The average user of a blend: u_s/‖u_s‖ of each part's.
OwnedTensor BlendAverage(const std::string& name, const SpaceSpecs& specs, const SpaceSpec& blend,
                         const TensorMap& tensors) {
  auto tensor = OwnedTensor::Zeros<float>(name, Shape({blend.dim}));
  const auto out = tensor.Data<float>();
  uint64_t begin = 0;
  for (const BlendPart& part : blend.parts) {
    const SpaceSpec& spec = specs.find(part.space)->second;
    OwnedTensor derived;
    auto average = TensorOrEmpty<float>(tensors, names::Space(part.space, names::kAverage));
    if (average.empty()) {
      derived = AverageUser(name, TensorOrEmpty<float>(tensors, names::Space(part.space, names::kUsers)), spec.dim);
      average = derived.Data<float>();
    }
    double sum = 0;
    for (float x : average) sum += static_cast<double>(x) * x;
    // The average profile of a traits space says nothing: what counts is how a customer differs from it.
    const double scale = sum > 0 && spec.fold_in != FoldIn::kTraits ? 1 / std::sqrt(sum) : 0;
    for (uint64_t j = 0; j < spec.dim; ++j) out[begin + j] = static_cast<float>(scale * average[j]);
    begin += spec.dim;
  }
  return tensor;
}

template <typename T>
void AppendCopy(const std::string& name, std::vector<uint64_t> shape, const AlignedBuffer<T>& values, Tensors* out) {
  out->push_back(OwnedTensor::Copy<T>(name, std::move(shape), values.span()));
}

void AppendQuantized(const std::string& space, std::span<const float> items, uint64_t n_items, uint64_t dim,
                     Tensors* out) {
  const QuantizedItems q = QuantizeItems(items, static_cast<uint32_t>(n_items), static_cast<uint32_t>(dim));
  const uint64_t padded = uint64_t{q.n_tiles} * kTileItems;
  const uint64_t blocks = uint64_t{q.n_tiles} * kTileBlocks;
  AppendCopy(names::Space(space, names::kCodes), Shape({2, q.n_tiles, 2 * uint64_t{q.d4}, 64}), q.codes, out);
  AppendCopy(names::Space(space, names::kScales), Shape({padded}), q.scales, out);
  AppendCopy(names::Space(space, names::kBounds), Shape({blocks, 2}), q.bounds, out);
  AppendCopy(names::Space(space, names::kInverseNorms), Shape({n_items}), q.inverse_norms, out);
  AppendCopy(names::Space(space, names::kCosineScales), Shape({padded}), q.cosine_scales, out);
  AppendCopy(names::Space(space, names::kCosineBounds), Shape({blocks, 2}), q.cosine_bounds, out);
}

// Mean token vector of each row that `rows_of` names for a token; zeros for a row without tokens.
template <typename RowsOf>
OwnedTensor MeanVectors(const std::string& name, uint64_t n_rows, std::span<const float> tokens, uint64_t dim,
                        const RowsOf& rows_of) {
  auto tensor = OwnedTensor::Zeros<float>(name, Shape({n_rows, dim}));
  std::vector<double> sums(n_rows * dim, 0.0);
  std::vector<uint64_t> counts(n_rows, 0);
  for (uint64_t token = 0; token * dim < tokens.size(); ++token) {
    for (uint32_t row : rows_of(token)) {
      ++counts[row];
      for (uint64_t j = 0; j < dim; ++j) sums[row * dim + j] += tokens[token * dim + j];
    }
  }
  for (uint64_t row = 0; row < n_rows; ++row) {
    for (uint64_t j = 0; j < dim && counts[row] > 0; ++j) {
      tensor.Data<float>()[row * dim + j] = static_cast<float>(sums[row * dim + j] / static_cast<double>(counts[row]));
    }
  }
  return tensor;
}

// A table that can be looked in, whether the bundle has its index or not.
absl::StatusOr<IdTable> SearchableTable(const TensorMap& tensors, std::string_view table, OwnedTensor* index) {
  const IdTable ids = IdTableFrom(tensors, table);
  if (ids.empty() || FindTensor(tensors, names::Index(table)) != nullptr) return ids;
  ASSIGN_OR_RETURN(*index, MakeIdIndex(table, ids));
  return IdTable(TensorOrEmpty<char>(tensors, names::Bytes(table)),
                 TensorOrEmpty<int64_t>(tensors, names::Offsets(table)), index->Data<uint64_t>());
}

// Category and action vectors of the spaces with tokens.
template <typename Wanted>
absl::Status DeriveTokenMeans(const BundleInfo& info, const TensorMap& tensors, const Wanted& wanted, Tensors* out) {
  std::vector<TokenParts> parts;
  for (const auto& [space, spec] : info.spaces) {
    const TensorView* tokens = FindTensor(tensors, names::Space(space, names::kTokens));
    if (tokens == nullptr) continue;
    const std::string categories = names::Space(space, names::kCategoryVectors);
    const std::string actions = names::Space(space, names::kActionVectors);
    const bool fits = info.n_categories * tokens->shape[1] <= kMaxCategoryNumbers;
    const bool wants_categories = info.n_categories > 0 && fits && wanted(categories);
    const bool wants_actions = info.n_actions > 0 && wanted(actions);
    if (!wants_categories && !wants_actions) continue;
    if (parts.empty()) {
      OwnedTensor item_index, action_index;
      ASSIGN_OR_RETURN(const IdTable items, SearchableTable(tensors, names::kItemIds, &item_index));
      ASSIGN_OR_RETURN(const IdTable known, SearchableTable(tensors, names::kActionIds, &action_index));
      const IdTable token_ids = IdTableFrom(tensors, names::kTokenIds);
      for (uint32_t token = 0; token < token_ids.size(); ++token) {
        parts.push_back(SplitToken(token_ids.Id(token), known, items));
      }
    }
    const uint64_t dim = tokens->shape[1];
    const RowsView item_categories = {TensorOrEmpty<int64_t>(tensors, names::Offsets(names::kItemCategories)),
                                      TensorOrEmpty<uint32_t>(tensors, names::Values(names::kItemCategories)),
                                      {}};
    if (wants_categories) {
      out->push_back(MeanVectors(categories, info.n_categories, tokens->As<float>(), dim, [&](uint64_t token) {
        return parts[token].item == TokenWeight::kNone ? std::span<const uint32_t>()
                                                       : item_categories.Row(parts[token].item);
      }));
    }
    if (wants_actions) {
      out->push_back(MeanVectors(actions, info.n_actions, tokens->As<float>(), dim, [&](uint64_t token) {
        return std::span(&parts[token].action, parts[token].action == TokenWeight::kNone ? 0 : 1);
      }));
    }
  }
  return absl::OkStatus();
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
  for (uint32_t feature : rows.values) ++begin[size_t{feature} + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<int64_t> next(begin.begin(), begin.end() - 1);
  for (uint32_t item = 0; item < info.n_items; ++item) {
    const auto features = rows.Row(item);
    for (size_t f = 0; f < features.size(); ++f) {
      const int64_t at = next[features[f]]++;
      values.Data<uint32_t>()[at] = item;
      weights.Data<float>()[at] = rows.RowWeights(item)[f];
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
      blended = BlendItems(name(names::kItems), info, spec, tensors);
      items = blended.Data<float>();
    }
    if (NeedsGram(spec) && wanted(name(names::kGram))) {
      out->push_back(Gram(name(names::kGram), items, dim));
    }
    if (wanted(name(names::kAverage))) {
      out->push_back(blend ? BlendAverage(name(names::kAverage), info.spaces, spec, tensors)
                           : AverageUser(name(names::kAverage), users, dim));
    }
    if (wanted(name(names::kTraitItems))) {
      out->push_back(TraitItems(name(names::kTraitItems), items, info.n_items, dim));
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
  return DeriveTokenMeans(info, tensors, wanted, out);
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
