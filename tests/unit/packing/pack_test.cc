#include "core/packing/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/bundle/tensor_names.h"
#include "core/engine/golden.h"
#include "core/engine/model.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::BundleBuilder;
using kindred::testing::ListDirectory;
using kindred::testing::ReadFile;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PackTest : public ::testing::Test {
 protected:
  PackTest() { setenv("SOURCE_DATE_EPOCH", "1700000000", 1); }
  ~PackTest() override { unsetenv("SOURCE_DATE_EPOCH"); }

  TempDir dir_;
  std::string raw_ = dir_.File("raw.safetensors"), out_ = dir_.File("out.safetensors");
};

TEST_F(PackTest, RawFactorsBecomeASealedBundleWithEveryPart) {
  BundleBuilder builder;
  builder.KeepFactorsAndIds();
  builder.WriteRaw(raw_);
  const auto report =
      PackFile(raw_, out_, {{std::string(names::kModel), "shop"}, {std::string(names::kSource), "test"}});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->info.sealed);
  EXPECT_EQ(report->info.model, "shop");
  EXPECT_EQ(report->info.version, "1");
  EXPECT_EQ(report->info.source, "test");
  EXPECT_EQ(report->info.created_at, "2023-11-14T22:13:20Z");
  EXPECT_EQ(report->info.path, out_);
  EXPECT_GT(report->golden_queries, 20);
  EXPECT_THAT(report->derived, Contains("items.ids.index"));
  const auto model = Model::Load(out_);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_THAT((*model)->cost().derived, IsEmpty()) << "a server has nothing left to compute";
  EXPECT_EQ(*CheckGoldenQueries(**model), report->golden_queries);
  EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("out.safetensors", "raw.safetensors"));
}

TEST_F(PackTest, SameInputSameBytesAndPackingAgainChangesNothing) {
  BundleBuilder builder;
  builder.WriteRaw(raw_);
  ASSERT_TRUE(PackFile(raw_, out_, {}).ok());
  const std::string first = ReadFile(out_);
  ASSERT_TRUE(PackFile(raw_, out_, {}).ok());
  EXPECT_EQ(first, ReadFile(out_));
  const auto again = PackFile(out_, out_, {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(again->derived, IsEmpty());
  EXPECT_EQ(first, ReadFile(out_));
}

TEST_F(PackTest, OverridesWinOverTheInput) {
  BundleBuilder builder;
  builder.WriteRaw(raw_);
  ASSERT_TRUE(PackFile(raw_, out_, {{std::string(names::kVersion), "2"}}).ok());
  const auto report = PackFile(out_, raw_, {{std::string(names::kVersion), "3"}});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->info.version, "3");
}

TEST_F(PackTest, ABrokenInputLeavesTheOldOutputAlone) {
  WriteFile(out_, "an older bundle");
  BundleBuilder builder;
  builder.Get<float>("space.default.items")[5] = NAN;
  builder.WriteRaw(raw_);
  const auto report = PackFile(raw_, out_, {});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(report.status().message(), HasSubstr("space.default.items"));
  EXPECT_EQ(ReadFile(out_), "an older bundle");
  EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("out.safetensors", "raw.safetensors"));
}

TEST_F(PackTest, DerivedPartsThatDoNotFollowAreRejected) {
  BundleBuilder builder;
  builder.WriteRaw(raw_);
  ASSERT_TRUE(PackFile(raw_, out_, {}).ok());
  const auto model = Model::Load(out_);
  ASSERT_TRUE(model.ok());
  TensorMap tensors = (*model)->tensors();
  OwnedTensor norms = OwnedTensor::Copy<float>("space.default.inverse_norms", {(*model)->n_items()},
                                               (*model)->default_space().inverse_norms);
  norms.Data<float>()[3] *= 2;
  tensors.insert_or_assign(norms.name, norms.view());
  ASSERT_TRUE(WriteBundle(raw_, tensors, (*model)->info().header.metadata).ok());
  EXPECT_THAT(PackFile(raw_, dir_.File("second"), {}).status().message(), HasSubstr("inverse_norms"));
}

TEST_F(PackTest, SaysWhatIsWrongWithTheOutputPath) {
  EXPECT_THAT(CheckOutputPath("").message(), HasSubstr("empty"));
  EXPECT_THAT(CheckOutputPath(dir_.path()).message(), HasSubstr("is a folder"));
  EXPECT_THAT(CheckOutputPath(dir_.File("no/such/folder.st")).message(), HasSubstr("there is no folder"));
  EXPECT_TRUE(CheckOutputPath(out_).ok());
  EXPECT_TRUE(CheckOutputPath("bundle.safetensors").ok()) << "the working folder";
  EXPECT_EQ(PackFile(dir_.File("absent"), out_, {}).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(PackTest, CreationTimeFollowsSourceDateEpoch) {
  EXPECT_EQ(CreationTime(), "2023-11-14T22:13:20Z");
  EXPECT_TRUE(WantsReproducibleBytes());
  unsetenv("SOURCE_DATE_EPOCH");
  EXPECT_FALSE(WantsReproducibleBytes());
  EXPECT_GT(CreationTime(), "2026");
}

}  // namespace
}  // namespace kindred
