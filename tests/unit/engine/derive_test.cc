#include "core/engine/derive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_format.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/golden.h"
#include "tests/unit/engine/test_model.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;
using testing::ModelShape;

std::string Path(std::string_view name) {
  return absl::StrFormat("%s/%s_%d.safetensors", ::testing::TempDir(), name, getpid());
}

// A complete bundle: everything derived, golden queries answered. `edit` may change tensors before they are sealed.
template <typename Edit>
std::string WritePacked(std::string_view name, const Edit& edit) {
  const std::string raw_path = testing::WriteModelFile({});
  auto model = *Model::Load(raw_path);
  unlink(raw_path.c_str());
  std::vector<OwnedTensor> tensors;
  for (const auto& [tensor_name, view] : model->tensors()) {
    OwnedTensor copy{tensor_name, view.dtype, view.shape, AlignedBuffer<std::byte>(view.bytes.size())};
    std::copy(view.bytes.begin(), view.bytes.end(), copy.bytes.begin());
    tensors.push_back(std::move(copy));
  }
  const std::string golden = MakeGoldenQueries(*model);
  tensors.push_back(
      OwnedTensor::Copy<uint8_t>(std::string(names::kGoldenQueries), {golden.size()},
                                 std::span(reinterpret_cast<const uint8_t*>(golden.data()), golden.size())));
  TensorMap map;
  for (OwnedTensor& tensor : tensors) {
    edit(&tensor);
    map[tensor.name] = tensor.view();
  }
  const std::string path = Path(name);
  const absl::Status written = WriteBundle(path, map, testing::RawMetadata({}));
  EXPECT_TRUE(written.ok()) << written;
  return path;
}

TEST(DeriveTest, ARawBundleIsCompletedAtLoadAndSaysWhatItComputed) {
  const auto model = testing::LoadModel({});
  EXPECT_THAT(model->cost().derived, ::testing::IsSupersetOf({"items.ids.index", "users.ids.index", "space.test.gram",
                                                              "space.test.q.codes", "items.popularity_order"}));
}

TEST(DeriveTest, APackedBundleNeedsNothingDerivedAndPasses) {
  const std::string path = WritePacked("packed", [](OwnedTensor*) {});
  const auto model = Model::Load(path);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT((*model)->cost().derived, ::testing::IsEmpty());
  EXPECT_TRUE(CheckDerived((*model)->info(), (*model)->tensors()).ok());
  const auto golden = CheckGoldenQueries(**model);
  ASSERT_TRUE(golden.ok()) << golden.status();
  EXPECT_EQ(*golden, 30);
  unlink(path.c_str());
}

// Validly sealed, but a bound, code or Gram entry that does not follow from the factors would make answers wrong.
TEST(DeriveTest, ADerivedTensorThatDoesNotFollowFromTheFactorsIsFound) {
  for (const char* victim : {"space.test.q.bounds", "space.test.q.codes", "space.test.q.cosine_scales",
                             "space.test.gram", "items.popularity_order", "categories.bitmaps"}) {
    const std::string path = WritePacked("tampered", [&](OwnedTensor* tensor) {
      if (tensor->name != victim) return;
      if (tensor->name == "items.popularity_order") {
        std::swap(tensor->Data<uint32_t>()[3], tensor->Data<uint32_t>()[4]);
      } else if (tensor->name == "space.test.gram") {
        tensor->Data<double>()[1] += 0.5;
      } else if (tensor->dtype == DType::kF32) {
        tensor->Data<float>()[1] *= 0.5f;
      } else {
        tensor->bytes[8] = tensor->bytes[8] ^ std::byte{1};
      }
    });
    const auto reader = BundleReader::Open(path, VerifyLevel::kChecksums);
    ASSERT_TRUE(reader.ok()) << reader.status();
    const absl::Status status = CheckDerived((*reader)->info(), (*reader)->tensors());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << victim;
    EXPECT_THAT(std::string(status.message()), HasSubstr(victim));
    unlink(path.c_str());
  }
}

TEST(GoldenTest, AGoldenAnswerAlteredByOneRankIsFound) {
  const std::string path = WritePacked("golden", [](OwnedTensor* tensor) {
    if (tensor->name != names::kGoldenQueries) return;
    std::string text(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size());
    const size_t at = text.find("\"item\":\"i", text.find("\"expected\""));
    text[at + 9] = text[at + 9] == '1' ? '2' : '1';
    std::memcpy(tensor->bytes.data(), text.data(), text.size());
  });
  const auto model = Model::Load(path);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto golden = CheckGoldenQueries(**model);
  EXPECT_EQ(golden.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(golden.status().message()), HasSubstr("golden query 0"));
  EXPECT_THAT(std::string(golden.status().message()), HasSubstr("rank 1"));
  unlink(path.c_str());
}

TEST(GoldenTest, RubbishInPlaceOfGoldenQueriesIsAnErrorNotACrash) {
  for (const std::string text :
       {"", "{", "[]", "{\"queries\":3}", "{\"queries\":[3]}", "{\"queries\":[{\"kind\":\"user\"}]}",
        "{\"queries\":[{\"kind\":\"user\",\"space\":\"test\",\"user\":\"u1\",\"k\":-1,\"expected\":[]}]}",
        "{\"queries\":[{\"kind\":\"user\",\"space\":\"nope\",\"user\":\"u1\",\"k\":1,\"expected\":[]}]}",
        "{\"queries\":[{\"kind\":\"x\",\"space\":\"test\",\"k\":1,\"expected\":[]}]}"}) {
    const std::string path = WritePacked("rubbish", [&](OwnedTensor* tensor) {
      if (tensor->name != names::kGoldenQueries) return;
      *tensor = OwnedTensor::Copy<uint8_t>(tensor->name, {text.size()},
                                           std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
    });
    const auto model = Model::Load(path);
    if (model.ok() && !text.empty()) {
      EXPECT_FALSE(CheckGoldenQueries(**model).ok()) << text;
    }
    unlink(path.c_str());
  }
}

}  // namespace
}  // namespace kindred
