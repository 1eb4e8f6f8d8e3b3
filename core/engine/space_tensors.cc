#include "core/engine/space_tensors.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/bundle/tensor_names.h"
#include "core/kernels/kernels.h"
#include "core/topk/quantizer.h"

namespace kindred {
namespace {

std::vector<uint64_t> Shape(std::initializer_list<uint64_t> extents) { return {extents}; }

template <typename T>
void AppendCopy(const std::string& name, std::vector<uint64_t> shape, const AlignedBuffer<T>& values,
                std::vector<OwnedTensor>* out) {
  out->push_back(OwnedTensor::Copy<T>(name, std::move(shape), values.span()));
}

}  // namespace

OwnedTensor MakeGram(const std::string& name, std::span<const float> items, uint64_t dim) {
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

OwnedTensor MakeAverageUser(const std::string& name, std::span<const float> users, uint64_t dim) {
  auto tensor = OwnedTensor::Zeros<float>(name, Shape({dim}));
  if (users.empty()) return tensor;
  std::vector<double> sum(dim, 0.0);
  for (size_t i = 0; i < users.size(); ++i) sum[i % dim] += users[i];
  const double n_users = static_cast<double>(users.size() / dim);
  for (size_t j = 0; j < dim; ++j) tensor.Data<float>()[j] = static_cast<float>(sum[j] / n_users);
  return tensor;
}

OwnedTensor MakeTraitItems(const std::string& name, std::span<const float> items, uint64_t n_items, uint64_t dim) {
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
      if (std::isnan(strength[i])) strength[i] = 0;  // no sort may see one
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

OwnedTensor MakeBlendItems(const std::string& name, const BundleInfo& info, const SpaceSpec& blend,
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

OwnedTensor MakeBlendAverage(const std::string& name, const SpaceSpecs& specs, const SpaceSpec& blend,
                             const TensorMap& tensors) {
  auto tensor = OwnedTensor::Zeros<float>(name, Shape({blend.dim}));
  const auto out = tensor.Data<float>();
  uint64_t begin = 0;
  for (const BlendPart& part : blend.parts) {
    const SpaceSpec& spec = specs.find(part.space)->second;
    OwnedTensor derived;
    auto average = TensorOrEmpty<float>(tensors, names::Space(part.space, names::kAverage));
    if (average.empty()) {
      derived = MakeAverageUser(name, TensorOrEmpty<float>(tensors, names::Space(part.space, names::kUsers)), spec.dim);
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

void AppendQuantized(const std::string& space, std::span<const float> items, uint64_t n_items, uint64_t dim,
                     std::vector<OwnedTensor>* out) {
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

}  // namespace kindred
