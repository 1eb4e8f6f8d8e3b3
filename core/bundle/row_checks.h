// What compressed sparse rows and lists of indices must hold. Internal to this room: contents.cc asks.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "core/base/str_cat.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor.h"

namespace kindred {

// Names a tensor and one of its elements, with the element's place in the file.
template <typename... Parts>
absl::Status ElementError(std::string_view name, const TensorView& tensor, uint64_t element, const Parts&... parts) {
  return absl::InvalidArgumentError(StrCat("tensor ", Quoted(name), "[", element, "] at byte ",
                                           tensor.file_offset + element * DTypeSize(tensor.dtype), ": ", parts...));
}

// Indices below n, the size of what `of` names.
absl::Status CheckIndices(std::string_view name, const TensorView& tensor, uint64_t n, std::string_view of);

// Offsets start at 0, never fall, and end at `size`, the elements of tensor `values_name`.
absl::Status CheckOffsets(std::string_view name, const TensorView& tensor, std::string_view values_name, uint64_t size);

// Rows of ascending indices below n; OK where the bundle has no such rows.
absl::Status CheckRows(const TensorMap& tensors, std::string_view csr, uint64_t n, std::string_view of);

// Rows of distinct indices below n whose weights never rise; OK where the bundle has no such rows. O(values + n).
absl::Status CheckRankedRows(const TensorMap& tensors, std::string_view csr, uint64_t n, std::string_view of);

}  // namespace kindred
