#include "core/bundle/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TensorTest, DTypesHaveNamesAndSizes) {
  const std::vector<std::tuple<DType, std::string_view, size_t>> all = {
      {DType::kU8, "U8", 1},   {DType::kI8, "I8", 1},   {DType::kU32, "U32", 4}, {DType::kI64, "I64", 8},
      {DType::kU64, "U64", 8}, {DType::kF32, "F32", 4}, {DType::kF64, "F64", 8}};
  for (const auto& [dtype, name, size] : all) {
    EXPECT_EQ(DTypeName(dtype), name);
    EXPECT_EQ(DTypeSize(dtype), size);
    EXPECT_EQ(DTypeFromName(name), dtype);
  }
  for (std::string_view name : {"", "F16", "BF16", "I32", "f32", "F32 ", "BOOL"}) {
    EXPECT_EQ(DTypeFromName(name), std::nullopt) << name;
  }
}

TEST(TensorTest, TensorAsChecksNameAndType) {
  const std::vector<float> values = {1, 2, 3, 4};
  const OwnedTensor tensor = OwnedTensor::Copy<float>("m", {2, 2}, std::span<const float>(values));
  const TensorMap tensors = {{"m", tensor.view()}};
  EXPECT_THAT(*TensorAs<float>(tensors, "m"), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(TensorAs<float>(tensors, "n").status().code(), absl::StatusCode::kNotFound);
  const auto wrong = TensorAs<double>(tensors, "m");
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("is F32, expected F64"));
  EXPECT_TRUE(TensorOrEmpty<float>(tensors, "n").empty());
  EXPECT_EQ(TensorOrEmpty<float>(tensors, "m").size(), 4u);
  EXPECT_EQ(FindTensor(tensors, "n"), nullptr);
}

TEST(TensorTest, OwnedTensorsAreAlignedAndMayBeEmpty) {
  OwnedTensor zeros = OwnedTensor::Zeros<int64_t>("z", {3, 5});
  EXPECT_EQ(zeros.Data<int64_t>().size(), 15u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(zeros.bytes.data()) % 64, 0u);
  for (int64_t value : zeros.Data<int64_t>()) EXPECT_EQ(value, 0);
  const OwnedTensor empty = OwnedTensor::Copy<uint32_t>("e", {0}, {});
  EXPECT_TRUE(empty.view().As<uint32_t>().empty());
}

}  // namespace
}  // namespace kindred
