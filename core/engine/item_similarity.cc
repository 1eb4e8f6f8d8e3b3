#include "core/engine/item_similarity.h"

#include <algorithm>

#include "core/kernels/dispatch.h"

namespace kindred {
namespace {

double SparseSimilarity(const Space& space, uint32_t i, uint32_t j) {
  if (space.sparse.neighbors) return std::max(SparseKernel(space.sparse, i, j), SparseKernel(space.sparse, j, i));
  return SparseKernel(space.sparse, i, j) * space.sparse.norms[i] * space.sparse.norms[j];
}

}  // namespace

void ItemSimilarity::ToMany(uint32_t item, std::span<const uint32_t> items, std::span<float> out) const {
  std::fill(out.begin(), out.end(), 0.0f);
  double total = 0;
  for (const Part& part : parts_) total += part.weight;
  constexpr size_t kChunk = 64;
  float dots[kChunk];
  for (const Part& part : parts_) {
    if (part.weight == 0) continue;
    const Space& space = *part.space;
    const double share = part.weight / total;
    if (IsSparse(space.spec.fold_in)) {
      for (size_t i = 0; i < items.size(); ++i) {
        out[i] = static_cast<float>(out[i] + share * SparseSimilarity(space, item, items[i]));
      }
      continue;
    }
    const float* row = &space.items[size_t{item} * space.spec.dim];
    for (size_t begin = 0; begin < items.size(); begin += kChunk) {
      const size_t count = std::min(kChunk, items.size() - begin);
      Kernels().dot_rows(row, space.items.data(), &items[begin], static_cast<uint32_t>(count), space.spec.dim, dots);
      for (size_t i = 0; i < count; ++i) {
        const float cosine = dots[i] * space.inverse_norms[item] * space.inverse_norms[items[begin + i]];
        out[begin + i] = static_cast<float>(out[begin + i] + share * cosine);
      }
    }
  }
}

}  // namespace kindred
