#include "core/bundle/tensor.h"

#include <array>

#include "absl/status/status.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  size_t size;
};
constexpr std::array<DTypeInfo, 7> kDTypes = {{{DType::kU8, "U8", 1},
                                               {DType::kI8, "I8", 1},
                                               {DType::kU32, "U32", 4},
                                               {DType::kI64, "I64", 8},
                                               {DType::kU64, "U64", 8},
                                               {DType::kF32, "F32", 4},
                                               {DType::kF64, "F64", 8}}};

const DTypeInfo& Info(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

}  // namespace

size_t DTypeSize(DType dtype) { return Info(dtype).size; }

std::string_view DTypeName(DType dtype) { return Info(dtype).name; }

std::optional<DType> DTypeFromName(std::string_view name) {
  for (const DTypeInfo& info : kDTypes) {
    if (info.name == name) return info.dtype;
  }
  return std::nullopt;
}

const TensorView* FindTensor(const TensorMap& tensors, std::string_view name) {
  const auto it = tensors.find(name);
  return it == tensors.end() ? nullptr : &it->second;
}

template <typename T>
absl::StatusOr<std::span<const T>> TensorAs(const TensorMap& tensors, std::string_view name) {
  const TensorView* view = FindTensor(tensors, name);
  if (view == nullptr) return absl::NotFoundError(StrCat("there is no tensor \"", name, "\""));
  if (view->dtype != DTypeOf<T>::value) {
    return absl::InvalidArgumentError(StrCat("tensor \"", name, "\" at byte ", view->file_offset, " is ",
                                             DTypeName(view->dtype), ", expected ", DTypeName(DTypeOf<T>::value)));
  }
  return view->As<T>();
}

template absl::StatusOr<std::span<const uint8_t>> TensorAs<uint8_t>(const TensorMap&, std::string_view);
template absl::StatusOr<std::span<const int8_t>> TensorAs<int8_t>(const TensorMap&, std::string_view);
template absl::StatusOr<std::span<const uint32_t>> TensorAs<uint32_t>(const TensorMap&, std::string_view);
template absl::StatusOr<std::span<const int64_t>> TensorAs<int64_t>(const TensorMap&, std::string_view);
template absl::StatusOr<std::span<const uint64_t>> TensorAs<uint64_t>(const TensorMap&, std::string_view);
template absl::StatusOr<std::span<const float>> TensorAs<float>(const TensorMap&, std::string_view);
template absl::StatusOr<std::span<const double>> TensorAs<double>(const TensorMap&, std::string_view);

}  // namespace kindred
