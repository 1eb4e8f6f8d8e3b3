#include "core/bundle/row_checks.h"

#include <algorithm>
#include <vector>

#include "core/base/read_once.h"
#include "core/base/status_macros.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

// Where a row begins and ends, below `size`, though the file may have changed since its offsets were checked.
absl::Status RowRange(std::string_view name, const TensorView& tensor, size_t row, size_t size, size_t* begin,
                      size_t* end) {
  const std::span<const int64_t> offsets = tensor.As<int64_t>();
  *begin = static_cast<size_t>(ReadOnce(offsets[row]));
  *end = static_cast<size_t>(ReadOnce(offsets[row + 1]));
  if (*begin <= *end && *end <= size) return absl::OkStatus();
  return ElementError(name, tensor, row, "the file changed while it was checked");
}

}  // namespace

absl::Status CheckIndices(std::string_view name, const TensorView& tensor, uint64_t n, std::string_view of) {
  const std::span<const uint32_t> values = tensor.As<uint32_t>();
  uint32_t max = 0;
  for (uint32_t value : values) max = std::max(max, value);
  if (values.empty() || max < n) return absl::OkStatus();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= n)
      return ElementError(name, tensor, i, "found ", values[i], ", expected less than ", of, " = ", n);
  }
  return absl::OkStatus();
}

absl::Status CheckOffsets(std::string_view name, const TensorView& tensor, std::string_view values_name,
                          uint64_t size) {
  const std::span<const int64_t> offsets = tensor.As<int64_t>();
  if (offsets[0] != 0) return ElementError(name, tensor, 0, "found ", offsets[0], ", expected 0");
  for (size_t i = 1; i < offsets.size(); ++i) {
    if (offsets[i] < offsets[i - 1]) {
      return ElementError(name, tensor, i, "found ", offsets[i], ", expected at least ", offsets[i - 1],
                          ", the offset before");
    }
  }
  const size_t last = offsets.size() - 1;
  if (static_cast<uint64_t>(offsets[last]) != size) {
    return ElementError(name, tensor, last, "found ", offsets[last], ", expected ", size, ", the elements of \"",
                        values_name, "\"");
  }
  return absl::OkStatus();
}

absl::Status CheckRows(const TensorMap& tensors, std::string_view csr, uint64_t n, std::string_view of) {
  const std::string offsets_name = names::Offsets(csr), values_name = names::Values(csr);
  const TensorView* offsets_view = FindTensor(tensors, offsets_name);
  const TensorView* values_view = FindTensor(tensors, values_name);
  if (offsets_view == nullptr || values_view == nullptr) return absl::OkStatus();
  const std::span<const uint32_t> values = values_view->As<uint32_t>();
  RETURN_IF_ERROR(CheckOffsets(offsets_name, *offsets_view, values_name, values.size()));
  RETURN_IF_ERROR(CheckIndices(values_name, *values_view, n, of));
  for (size_t row = 0; row + 1 < offsets_view->As<int64_t>().size(); ++row) {
    size_t begin = 0, end = 0;
    RETURN_IF_ERROR(RowRange(offsets_name, *offsets_view, row, values.size(), &begin, &end));
    for (size_t i = begin + 1; i < end; ++i) {
      if (values[i] <= values[i - 1]) {
        return ElementError(values_name, *values_view, i, "found ", values[i], " after ", values[i - 1],
                            ", expected row ", row, " to ascend");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRankedRows(const TensorMap& tensors, std::string_view csr, uint64_t n, std::string_view of) {
  const std::string offsets_name = names::Offsets(csr), values_name = names::Values(csr),
                    weights_name = names::Weights(csr);
  const TensorView* offsets_view = FindTensor(tensors, offsets_name);
  const TensorView* values_view = FindTensor(tensors, values_name);
  const TensorView* weights_view = FindTensor(tensors, weights_name);
  if (offsets_view == nullptr || values_view == nullptr || weights_view == nullptr) return absl::OkStatus();
  const std::span<const uint32_t> values = values_view->As<uint32_t>();
  const std::span<const float> weights = weights_view->As<float>();
  RETURN_IF_ERROR(CheckOffsets(offsets_name, *offsets_view, values_name, values.size()));
  RETURN_IF_ERROR(CheckIndices(values_name, *values_view, n, of));
  std::vector<uint32_t> met_in(n, 0);  // row + 1; rows are fewer than 2³² − 64
  for (size_t row = 0; row + 1 < offsets_view->As<int64_t>().size(); ++row) {
    size_t begin = 0, end = 0;
    RETURN_IF_ERROR(RowRange(offsets_name, *offsets_view, row, std::min(values.size(), weights.size()), &begin, &end));
    for (size_t i = begin; i < end; ++i) {
      const uint32_t value = ReadOnce(values[i]);
      if (value >= n || met_in[value] == row + 1) {
        return ElementError(values_name, *values_view, i, "found ", value, " a second time in row ", row,
                            ", expected distinct ones");
      }
      met_in[value] = static_cast<uint32_t>(row + 1);
      // Written so that a NaN is found.
      if (i > begin && !(weights[i] <= weights[i - 1])) {
        return ElementError(weights_name, *weights_view, i, "found ", weights[i], " after ", weights[i - 1],
                            ", expected row ", row, " never to rise and to be finite");
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace kindred
