#include "core/bundle/bundle_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "core/base/str_cat.h"
#include "core/bundle/id_table.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"
#include "tests/support/safetensors.h"

namespace kindred {
namespace {

using testing::BundleBuilder;
using testing::BundleShape;
using ::testing::HasSubstr;

// Both maps hold the same tensors.
void ExpectEqual(const TensorMap& found, const TensorMap& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    const TensorView* view = FindTensor(found, name);
    ASSERT_NE(view, nullptr) << name;
    EXPECT_EQ(view->dtype, tensor.dtype) << name;
    EXPECT_EQ(view->shape, tensor.shape) << name;
    ASSERT_EQ(view->bytes.size(), tensor.bytes.size()) << name;
    EXPECT_TRUE(std::equal(view->bytes.begin(), view->bytes.end(), tensor.bytes.begin())) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view->bytes.data()) % DTypeSize(view->dtype), 0u) << name;
  }
}

TEST(BundleReaderTest, RoundTripsEveryTensorSealed) {
  const testing::TempDir dir;
  for (uint32_t n : {1u, 63u, 64u, 65u, 200u}) {
    BundleBuilder builder(BundleShape{.n_items = n, .dim = n % 7 + 1, .seed = n});
    builder.AddEveryTensor();
    ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
    for (VerifyLevel level : {VerifyLevel::kHeader, VerifyLevel::kChecksums}) {
      const auto reader = BundleReader::Open(dir.File("b"), level);
      ASSERT_TRUE(reader.ok()) << reader.status();
      ExpectEqual((*reader)->tensors(), builder.tensors());
      EXPECT_TRUE((*reader)->info().sealed);
    }
  }
}

TEST(BundleReaderTest, RoundTripsEveryTensorRaw) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.AddEveryTensor();
  builder.WriteRaw(dir.File("b"));
  const auto reader = BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums);
  ASSERT_TRUE(reader.ok()) << reader.status();
  ExpectEqual((*reader)->tensors(), builder.tensors());
  EXPECT_FALSE((*reader)->info().sealed);
  EXPECT_EQ((*reader)->info().digest, "");
}

TEST(BundleReaderTest, SaysWhatTheHeaderSays) {
  const testing::TempDir dir;
  BundleBuilder builder;
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto info = InspectBundle(dir.File("b"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->path, dir.File("b"));
  EXPECT_EQ(info->file_size, testing::ReadFile(dir.File("b")).size());
  EXPECT_TRUE(info->sealed);
  EXPECT_EQ(info->format_version, "1");
  EXPECT_EQ(info->model, "test");
  EXPECT_EQ(info->version, "1");
  EXPECT_EQ(info->source, "bundle_builder");
  EXPECT_EQ(info->created_at, "2026-01-31T12:00:00Z");
  EXPECT_EQ(info->default_space, "default");
  EXPECT_EQ(info->spaces.at("default").family, "test");
  EXPECT_THAT(info->digest, ::testing::MatchesRegex("xxh128:[0-9a-f]{32}"));
  EXPECT_EQ(info->header.tensors.size(), builder.tensors().size());
}

TEST(BundleReaderTest, ViewsPointIntoTheMapAndKnowTheirOffset) {
  const testing::TempDir dir;
  BundleBuilder builder;
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const std::string file = testing::ReadFile(dir.File("b"));
  const auto reader = BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums);
  ASSERT_TRUE(reader.ok());
  for (const auto& [name, tensor] : (*reader)->tensors()) {
    EXPECT_EQ(std::memcmp(file.data() + tensor.file_offset, tensor.bytes.data(), tensor.bytes.size()), 0) << name;
  }
}

TEST(BundleReaderTest, AMisalignedForeignFileIsRealigned) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.AddEveryTensor();
  // Headers of every length modulo 8, as a writer that does not pad leaves them.
  const std::string padded = testing::SafetensorsBytes(builder.tensors(), builder.metadata());
  const std::string json = testing::HeaderJson(padded);
  uint64_t length = 0;
  std::memcpy(&length, padded.data(), 8);
  for (size_t spaces = 0; spaces < 8; ++spaces) {
    testing::WriteFile(dir.File("b"),
                       testing::SafetensorsFile(json + std::string(spaces, ' '), padded.substr(8 + length)));
    for (VerifyLevel level : {VerifyLevel::kHeader, VerifyLevel::kChecksums}) {
      const auto reader = BundleReader::Open(dir.File("b"), level);
      ASSERT_TRUE(reader.ok()) << reader.status();
      ExpectEqual((*reader)->tensors(), builder.tensors());
    }
  }
}

TEST(BundleReaderTest, ErrorsNameTheFile) {
  const testing::TempDir dir;
  EXPECT_EQ(InspectBundle(dir.File("none")).status().code(), absl::StatusCode::kNotFound);
  const auto none = BundleReader::Open(dir.File("none"), VerifyLevel::kChecksums);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr(dir.File("none")));
  testing::WriteFile(dir.File("text"), "user,item,value\n1,2,3\n");
  const auto text = BundleReader::Open(dir.File("text"), VerifyLevel::kHeader);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(text.status().message()), HasSubstr(dir.File("text")));
  EXPECT_THAT(std::string(text.status().message()), HasSubstr("not a safetensors file"));
}

TEST(BundleReaderTest, TablesOfAReadBundleAnswer) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.AddIndexes();
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto reader = BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const IdTable items = IdTableFrom((*reader)->tensors(), "items.ids");
  const IdTable categories = IdTableFrom((*reader)->tensors(), "categories.ids");
  for (uint32_t i = 0; i < 70; ++i) EXPECT_EQ(items.Find(StrCat("item-", i)), i);
  EXPECT_EQ(items.Find("item-70"), std::nullopt);
  EXPECT_EQ(categories.Id(3), "cat-3");
  EXPECT_EQ(IdTableFrom((*reader)->tensors(), "items.names").Id(69), "Item 69");
}

TEST(BundleReaderGoOnTest, OpeningIsGivenUpAtAnyQuestion) {
  const testing::TempDir dir;
  const std::string path = dir.File("b.safetensors");
  for (const bool sealed : {true, false}) {
    testing::BundleBuilder builder({.n_items = 50});
    builder.WriteRaw(path);
    if (sealed) ASSERT_TRUE(builder.WriteSealed(path).ok());
    int questions = 0;
    ASSERT_TRUE(BundleReader::Open(path, OpenOptions{.go_on = [&] { return ++questions > 0; }}).ok());
    EXPECT_GE(questions, 10);
    for (int last = 1; last <= questions; ++last) {
      int asked = 0;
      const auto reader = BundleReader::Open(path, OpenOptions{.go_on = [&] { return ++asked < last; }});
      EXPECT_EQ(reader.status().code(), absl::StatusCode::kCancelled) << reader.status();
      EXPECT_EQ(asked, last);
    }
  }
}

TEST(BundleReaderGoOnTest, LargeTensorsAskBetweenParts) {
  const testing::TempDir dir;
  const std::string path = dir.File("b.safetensors");
  const auto questions = [&](uint32_t n_items) {
    EXPECT_TRUE(testing::BundleBuilder({.n_items = n_items, .dim = 64}).WriteSealed(path).ok());
    int asked = 0;
    EXPECT_TRUE(BundleReader::Open(path, OpenOptions{.go_on = [&] { return ++asked > 0; }}).ok());
    return asked;
  };
  EXPECT_GE(questions(60'000), questions(100) + 3);  // 15 MiB
}

}  // namespace
}  // namespace kindred
