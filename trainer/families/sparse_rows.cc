#include "trainer/families/sparse_rows.h"

#include <cmath>

#include "core/bundle/tensor_names.h"

namespace kindred {

absl::Status AddSparseRows(std::string_view space, const SparseMatrix& rows, std::vector<OwnedTensor>* tensors) {
  std::vector<float> weights;
  weights.reserve(rows.values.size());
  for (double value : rows.values) {
    weights.push_back(static_cast<float>(value));
    if (!std::isfinite(weights.back())) {
      return absl::InvalidArgumentError(
          "an element of the item rows does not fit a 32-bit float; the interactions hold values that are too large, "
          "try --transform log1p");
    }
  }
  const std::string name = names::Space(space, names::kRows);
  tensors->push_back(OwnedTensor::Copy<int64_t>(names::Offsets(name), {rows.offsets.size()}, std::span(rows.offsets)));
  tensors->push_back(OwnedTensor::Copy<uint32_t>(names::Values(name), {rows.indices.size()}, std::span(rows.indices)));
  tensors->push_back(OwnedTensor::Copy<float>(names::Weights(name), {weights.size()}, std::span<const float>(weights)));
  return absl::OkStatus();
}

}  // namespace kindred
