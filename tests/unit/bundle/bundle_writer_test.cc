#include "core/bundle/bundle_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/str_cat.h"
#include "core/bundle/bundle_reader.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"
#include "tests/support/safetensors.h"

namespace kindred {
namespace {

using testing::BundleBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(BundleWriterTest, TheSameInputGivesTheSameBytes) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.AddEveryTensor();
  ASSERT_TRUE(builder.WriteSealed(dir.File("a")).ok());
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  EXPECT_EQ(testing::ReadFile(dir.File("a")), testing::ReadFile(dir.File("b")));

  // Also from what was read back: old checksums and digest are replaced.
  const auto reader = BundleReader::Open(dir.File("a"), VerifyLevel::kChecksums);
  ASSERT_TRUE(reader.ok());
  ASSERT_TRUE(WriteBundle(dir.File("c"), (*reader)->tensors(), (*reader)->info().header.metadata).ok());
  EXPECT_EQ(testing::ReadFile(dir.File("a")), testing::ReadFile(dir.File("c")));
}

TEST(BundleWriterTest, LaysTensorsOutAligned) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.AddEveryTensor();
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto info = InspectBundle(dir.File("b"));
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->header.data_begin % 64, 0u);
  size_t whole_lines = 0;
  for (const TensorEntry& tensor : info->header.tensors) {
    EXPECT_EQ(tensor.begin % DTypeSize(tensor.dtype), 0u) << tensor.name;
    if ((tensor.end - tensor.begin) % 64 == 0) {
      EXPECT_EQ(tensor.begin % 64, 0u) << tensor.name;
      ++whole_lines;
    }
  }
  EXPECT_GT(whole_lines, 5u);
  EXPECT_LT(whole_lines, info->header.tensors.size());
}

TEST(BundleWriterTest, TheHeaderIsPlainJsonThatAnyParserReads) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.metadata()["kindred.source"] = "quotes \" backslash \\ newline \n é \x01";
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto json = nlohmann::json::parse(testing::HeaderJson(testing::ReadFile(dir.File("b"))));
  EXPECT_EQ(json["__metadata__"]["kindred.source"], builder.metadata()["kindred.source"]);
  EXPECT_EQ(json["__metadata__"]["kindred.format"], "1");
  EXPECT_EQ(json["space.default.items"]["dtype"], "F32");
  EXPECT_EQ(json["space.default.items"]["shape"], nlohmann::json({70, 6}));
  const auto checksums = nlohmann::json::parse(json["__metadata__"]["kindred.checksums"].get<std::string>());
  EXPECT_EQ(checksums.size(), builder.tensors().size());
  EXPECT_EQ(InspectBundle(dir.File("b"))->source, builder.metadata()["kindred.source"]);
}

TEST(BundleWriterTest, TextThatLooksLikeADigestDoesNotConfuseTheSeal) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.metadata()["kindred.source"] = "\"kindred.digest\":\"xxh128:00000000000000000000000000000000\"";
  builder.metadata()["note"] = "kindred.digest\":\"xxh128:";
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto reader = BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums);
  EXPECT_TRUE(reader.ok()) << reader.status();
}

TEST(BundleWriterTest, ReplacesAnOlderFileWhole) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("b"), std::string(1 << 20, 'x'));
  BundleBuilder builder;
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  EXPECT_TRUE(BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums).ok());
  EXPECT_THAT(testing::ListDirectory(dir.path()), ElementsAre("b"));
}

TEST(BundleWriterTest, AMapOfTheOlderFileStaysWhole) {
  const testing::TempDir dir;
  BundleBuilder builder;
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto before = BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums);
  ASSERT_TRUE(before.ok());
  BundleBuilder other(testing::BundleShape{.n_items = 3, .dim = 1, .seed = 2});
  ASSERT_TRUE(other.WriteSealed(dir.File("b")).ok());
  EXPECT_EQ((*before)->tensors().at("space.default.items").As<float>()[419],
            builder.Get<float>("space.default.items")[419]);
}

TEST(BundleWriterTest, RejectsWhatTheFormatCannotHold) {
  const testing::TempDir dir;
  const std::string path = dir.File("b");
  const OwnedTensor tensor = OwnedTensor::Zeros<float>("a", {4});
  TensorView view = tensor.view();
  EXPECT_TRUE(WriteBundle(path, {{"a", view}}, {}).ok());
  ASSERT_EQ(unlink(path.c_str()), 0);

  const auto refused = [&](const std::string& name, const TensorView& value, const Metadata& metadata) {
    const absl::Status status = WriteBundle(path, {{name, value}}, metadata);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    EXPECT_TRUE(testing::ListDirectory(dir.path()).empty());
    return std::string(status.message());
  };
  EXPECT_THAT(refused("", view, {}), HasSubstr("tensor name"));
  EXPECT_THAT(refused(std::string(257, 'n'), view, {}), HasSubstr("tensor name"));
  EXPECT_THAT(refused("\xff", view, {}), HasSubstr("UTF-8"));
  EXPECT_THAT(refused("__metadata__", view, {}), HasSubstr("__metadata__"));
  EXPECT_THAT(refused("a", view, {{"k", "\xff"}}), HasSubstr("metadata key \"k\""));
  EXPECT_THAT(refused("a", view, {{"\xff", "v"}}), HasSubstr("UTF-8"));
  EXPECT_THAT(refused("a", view, {{"kindred.modle", "v"}}), HasSubstr("kindred.modle"));
  view.shape = {5};
  EXPECT_THAT(refused("a", view, {}), HasSubstr("has 16 bytes, expected as many as F32 [5] takes"));
  view.shape = {uint64_t{1} << 62, 4, 4};
  EXPECT_THAT(refused("a", view, {}), HasSubstr("has 16 bytes"));
  view.shape = {1, 1, 1, 1, 4};
  EXPECT_THAT(refused("a", view, {}), HasSubstr("at most 4 dimensions"));
}

}  // namespace
}  // namespace kindred
