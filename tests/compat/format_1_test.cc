// A bundle of format 1, frozen: today's build reads in it what the build that wrote it put there, and answers alike.
// make_format_1.py says how the file came to be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "core/bundle/bundle_reader.h"
#include "core/bundle/id_table.h"
#include "core/engine/golden.h"
#include "core/engine/model.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;

const char kPath[] = KINDRED_COMPAT_DATA "/format_1.safetensors";

class Format1Test : public ::testing::Test {
 protected:
  void SetUp() override {
    auto reader = BundleReader::Open(kPath, VerifyLevel::kChecksums);
    ASSERT_TRUE(reader.ok()) << reader.status();
    reader_ = *std::move(reader);
  }

  template <typename T>
  std::span<const T> Get(std::string_view name) {
    const auto values = TensorAs<T>(reader_->tensors(), name);
    EXPECT_TRUE(values.ok()) << values.status();
    return values.ok() ? *values : std::span<const T>();
  }

  std::shared_ptr<const BundleReader> reader_;
};

TEST_F(Format1Test, SaysWhatItIs) {
  const BundleInfo& info = reader_->info();
  EXPECT_TRUE(info.sealed);
  EXPECT_EQ(info.format_version, "1");
  EXPECT_EQ(info.model, "frozen");
  EXPECT_EQ(info.version, "1");
  EXPECT_EQ(info.source, "make_format_1.py");
  EXPECT_EQ(info.created_at, "2026-01-31T12:00:00Z");
  EXPECT_EQ(info.digest, "xxh128:f36a56ad36ffb5cc25de8cbde8e967f6");
  EXPECT_EQ(info.n_items, 6u);
  EXPECT_EQ(info.n_users, 4u);
  EXPECT_EQ(info.n_categories, 2u);
  EXPECT_EQ(info.n_interactions, 6u);
  EXPECT_EQ(info.default_space, "main");
  EXPECT_EQ(info.spaces.at("main"),
            (SpaceSpec{"svd", 3, FoldIn::kRidge, 0.5, ValueTransform::kLog1p, Metric::kDot, 0.25}));
}

TEST_F(Format1Test, HoldsTheFactors) {
  const auto items = Get<float>("space.main.items");
  ASSERT_EQ(items.size(), 18u);
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 3; ++j) EXPECT_EQ(items[i * 3 + j], static_cast<float>((i * 7 + j * 3) % 11 - 5) / 4);
  }
  const auto users = Get<float>("space.main.users");
  ASSERT_EQ(users.size(), 12u);
  for (int u = 0; u < 4; ++u) {
    for (int j = 0; j < 3; ++j) EXPECT_EQ(users[u * 3 + j], static_cast<float>((u * 5 + j * 2) % 9 - 4) / 2);
  }
}

TEST_F(Format1Test, FindsTheIds) {
  const std::vector<std::string> ids = {"milk", "bread", "crème brûlée", "tea", "日本茶", std::string(40, 'x')};
  const IdTable items = IdTableFrom(reader_->tensors(), "items.ids");
  ASSERT_EQ(items.size(), ids.size());
  for (uint32_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(items.Id(i), ids[i]);
    EXPECT_EQ(items.Find(ids[i]), i);
  }
  EXPECT_EQ(items.Find("coffee"), std::nullopt);
  EXPECT_EQ(IdTableFrom(reader_->tensors(), "users.ids").Find("dan"), 3u);
  EXPECT_EQ(IdTableFrom(reader_->tensors(), "categories.ids").Find("drinks"), 1u);
  EXPECT_EQ(IdTableFrom(reader_->tensors(), "items.names").Id(2), "Crème brûlée");
  EXPECT_EQ(IdTableFrom(reader_->tensors(), "items.names").Id(4), "");
}

TEST_F(Format1Test, HoldsWhatIsKnownOfUsersAndItems) {
  EXPECT_THAT(Get<int64_t>("users.seen.offsets"), ElementsAre(0, 2, 2, 5, 6));
  EXPECT_THAT(Get<uint32_t>("users.seen.values"), ElementsAre(0, 1, 1, 2, 5, 3));
  EXPECT_THAT(Get<int64_t>("items.categories.offsets"), ElementsAre(0, 2, 2, 3, 4, 5, 5));
  EXPECT_THAT(Get<uint32_t>("items.categories.values"), ElementsAre(0, 1, 0, 1, 1));
  EXPECT_THAT(Get<uint64_t>("categories.bitmaps"), ElementsAre(0b000101, 0b011001));
  EXPECT_THAT(Get<float>("items.popularity"), ElementsAre(1, 2, 1, 1, 0, 1));
  EXPECT_THAT(Get<uint32_t>("items.popularity_order"), ElementsAre(1, 0, 2, 3, 5, 4));
  const auto price = Get<float>("items.attr.price");
  ASSERT_EQ(price.size(), 6u);
  EXPECT_EQ(price[3], 3.75f);
  EXPECT_TRUE(std::isnan(price[2]));
}

TEST_F(Format1Test, AnswersItsGoldenQueriesAsThen) {
  const auto model = Model::Load(kPath);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE((*model)->cost().derived.empty()) << "every derived part is in the file";
  const auto compared = CheckGoldenQueries(**model);
  ASSERT_TRUE(compared.ok()) << compared.status();
  EXPECT_EQ(*compared, 16);
}

}  // namespace
}  // namespace kindred
