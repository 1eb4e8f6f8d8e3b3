// Tensors by name: what a bundle is made of, in memory, whether mapped from a file or computed at load.
// Views do not own their bytes; a TensorSet lives no longer than the file or the buffers behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/aligned_buffer.h"

namespace kindred {

// The element types of safetensors (https://github.com/huggingface/safetensors#format) that a bundle uses.
enum class DType : uint8_t { kU8, kI8, kU32, kI64, kU64, kF32, kF64 };

size_t DTypeSize(DType dtype);                              // bytes per element
std::string_view DTypeName(DType dtype);                    // "U8", "F32", …
std::optional<DType> DTypeFromName(std::string_view name);  // nullopt for one that bundles do not use

template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::kU8;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::kI8;
};
template <>
struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::kU32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::kI64;
};
template <>
struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::kU64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kF32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kF64;
};

// One tensor: row-major, little-endian.
struct TensorView {
  DType dtype = DType::kU8;
  std::vector<uint64_t> shape;
  std::span<const std::byte> bytes;  // size = product(shape) * DTypeSize(dtype)
  uint64_t file_offset = 0;          // of the first byte in the file; 0 when the tensor was computed in memory

  // REQUIRES: dtype matches T and bytes.data() is aligned for T (the reader guarantees alignment).
  template <typename T>
  std::span<const T> As() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// A tensor that owns its bytes (64-byte aligned).
struct OwnedTensor {
  std::string name;
  DType dtype = DType::kU8;
  std::vector<uint64_t> shape;
  AlignedBuffer<std::byte> bytes;

  TensorView view() const { return {dtype, shape, bytes.span(), 0}; }

  // Copies `values`; REQUIRES product(shape) == values.size().
  template <typename T>
  static OwnedTensor Copy(std::string name, std::vector<uint64_t> shape, std::span<const T> values) {
    OwnedTensor tensor{std::move(name), DTypeOf<T>::value, std::move(shape),
                       AlignedBuffer<std::byte>(values.size_bytes())};
    if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
    return tensor;
  }
  // Zero-filled; write through Data<T>().
  template <typename T>
  static OwnedTensor Zeros(std::string name, std::vector<uint64_t> shape) {
    uint64_t count = 1;
    for (uint64_t extent : shape) count *= extent;
    return {std::move(name), DTypeOf<T>::value, std::move(shape), AlignedBuffer<std::byte>(count * sizeof(T))};
  }
  template <typename T>
  std::span<T> Data() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// Name → view, ordered by name.
using TensorMap = std::map<std::string, TensorView, std::less<>>;

// nullptr when absent.
const TensorView* FindTensor(const TensorMap& tensors, std::string_view name);

// The elements of tensor `name`; NOT_FOUND when absent, INVALID_ARGUMENT when its dtype is not T's.
template <typename T>
absl::StatusOr<std::span<const T>> TensorAs(const TensorMap& tensors, std::string_view name);
// The same, but an absent tensor is an empty span. REQUIRES: dtype was validated (schema.h).
template <typename T>
std::span<const T> TensorOrEmpty(const TensorMap& tensors, std::string_view name) {
  const TensorView* view = FindTensor(tensors, name);
  return view == nullptr ? std::span<const T>() : view->As<T>();
}

}  // namespace kindred
