#include "core/engine/derive.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"
#include "core/kernels/kernels.h"
#include "core/topk/quantizer.h"

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

// Derives what `wanted` says is wanted, in dependency order.
template <typename Wanted>
absl::Status Derive(const BundleInfo& info, const TensorMap& tensors, const Wanted& wanted, Tensors* out) {
  for (std::string_view table : {names::kItemIds, names::kUserIds, names::kCategoryIds}) {
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
    const auto items = TensorOrEmpty<float>(tensors, names::Space(space, names::kItems));
    const auto users = TensorOrEmpty<float>(tensors, names::Space(space, names::kUsers));
    const uint64_t dim = spec.dim;
    const auto name = [&space = space](std::string_view part) { return names::Space(space, part); };
    if (wanted(name(names::kGram))) out->push_back(Gram(name(names::kGram), items, dim));
    if (wanted(name(names::kAverage))) out->push_back(AverageUser(name(names::kAverage), users, dim));
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
  }
  return absl::OkStatus();
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
  if (want.size() == found.bytes.size() && std::memcmp(want.data(), found.bytes.data(), want.size()) == 0) {
    return absl::OkStatus();
  }
  const auto mismatch = std::mismatch(want.begin(), want.end(), found.bytes.begin(), found.bytes.end());
  return Differs(info, expected.name, found, static_cast<uint64_t>(mismatch.first - want.begin()));
}

// A writer may bring these itself, so they need not follow from the rest.
bool MayBeGiven(std::string_view name) {
  return name == names::kPopularity || name == names::kItemPrior ||
         name.ends_with(absl::StrFormat(".%s", names::kAverage)) ||
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
