#include "trainer/evaluation/bundle_drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/bundle/tensor_names.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::BundleBuilder;
using kindred::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BundleDriftTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Model> Load(const BundleBuilder& builder, const std::string& name) {
    const std::string path = dir_.File(name);
    builder.WriteRaw(path);
    auto model = Model::Load(path);
    EXPECT_TRUE(model.ok()) << model.status();
    return model.ok() ? *std::move(model) : nullptr;
  }
  BundleDrift Compare(const Model& before, const Model& after, const DriftOptions& options = {}) {
    auto drift = CompareBundles(before, after, options);
    EXPECT_TRUE(drift.ok()) << drift.status();
    return drift.ok() ? *std::move(drift) : BundleDrift();
  }

  TempDir dir_;
};

TEST_F(BundleDriftTest, ABundleAgainstItselfDidNotChange) {
  BundleBuilder builder;
  builder.AddEveryTensor();
  builder.Remove("golden.queries");
  const auto model = Load(builder, "a");
  ASSERT_NE(model, nullptr);
  const BundleDrift drift = Compare(*model, *model);
  ASSERT_EQ(drift.spaces.size(), model->spaces().size());
  EXPECT_GE(drift.spaces.size(), 4);
  for (const SpaceDrift& space : drift.spaces) {
    for (const TableDrift& table : space.tables) {
      EXPECT_EQ(table.drift(), 0) << space.name << " " << table.table;
      EXPECT_EQ(table.rows.raw.max, 0) << space.name << " " << table.table;
      EXPECT_THAT(table.worst, IsEmpty());
    }
    EXPECT_EQ(space.neighbor_overlap.value_or(-1), 1) << space.name;
    if (space.lists) {
      EXPECT_EQ(space.lists->overlap, 1);
      EXPECT_EQ(space.lists->rank_change, 0);
      EXPECT_EQ(space.lists->spearman, 1);
    }
  }
  EXPECT_EQ(drift.items.shared, 70);
  EXPECT_EQ(drift.items.added() + drift.items.removed(), 0);
  EXPECT_THAT(drift.training, IsEmpty());
  EXPECT_THAT(BeyondLimits(drift, {.max_drift = 0, .min_overlap = 1, .max_rank_change = 0}), IsEmpty());
}

// Every vector turned by one rotation: another basis of the same model.
TEST_F(BundleDriftTest, ATurnedBasisIsNoDrift) {
  BundleBuilder builder;
  const auto before = Load(builder, "a");
  for (const char* name : {"space.default.items", "space.default.users"}) {
    const auto values = builder.Get<float>(name);
    for (size_t row = 0; row + 6 <= values.size(); row += 6) {
      std::swap(values[row], values[row + 5]);
      values[row + 2] = -values[row + 2];
    }
  }
  const auto after = Load(builder, "b");
  const BundleDrift drift = Compare(*before, *after);
  ASSERT_EQ(drift.spaces.size(), 1);
  ASSERT_EQ(drift.spaces[0].tables.size(), 2);
  const TableDrift& items = drift.spaces[0].tables[0];
  EXPECT_EQ(items.table, "items");
  EXPECT_GT(items.rows.raw.mean, 0.3);
  EXPECT_EQ(items.drift(), 0);
  EXPECT_EQ(drift.spaces[0].neighbor_overlap, 1.0);
  EXPECT_EQ(drift.spaces[0].lists->rank_change, 0);
  EXPECT_THAT(BeyondLimits(drift, {}), IsEmpty());
}

TEST_F(BundleDriftTest, OtherVectorsAreBeyondTheLimits) {
  const auto before = Load(BundleBuilder({.seed = 1}), "a"), after = Load(BundleBuilder({.seed = 2}), "b");
  const BundleDrift drift = Compare(*before, *after, {.worst = 3});
  const TableDrift& items = drift.spaces[0].tables[0];
  EXPECT_GT(items.drift(), 0.3);
  EXPECT_LE(items.drift(), items.rows.raw.mean);
  ASSERT_EQ(items.worst.size(), 3);
  EXPECT_GE(items.worst[0].distance, items.worst[1].distance);
  EXPECT_THAT(items.worst[0].id, HasSubstr("item-"));
  EXPECT_THAT(items.worst[0].name, HasSubstr("Item "));
  EXPECT_THAT(BeyondLimits(drift, {}), ElementsAre(HasSubstr("drift of items")));
  EXPECT_THAT(BeyondLimits(drift, {.max_drift = 2, .min_overlap = 0.99, .max_rank_change = 0.01}),
              ElementsAre(HasSubstr("neighbour overlap"), HasSubstr("rank change")));
}

TEST_F(BundleDriftTest, IdsThatCameAndWent) {
  const auto before = Load(BundleBuilder({.n_items = 70}), "a"), after = Load(BundleBuilder({.n_items = 80}), "b");
  const BundleDrift grown = Compare(*before, *after, {.worst = 2});
  EXPECT_EQ(grown.items.added(), 10);
  EXPECT_THAT(grown.items.some_added, ElementsAre("item-70", "item-71"));
  EXPECT_EQ(Compare(*after, *before, {.worst = 2}).items.removed(), 10);
  EXPECT_THAT(Compare(*after, *before, {.worst = 2}).items.some_removed, ElementsAre("item-70", "item-71"));
}

TEST_F(BundleDriftTest, SpacesOfOneSideAreNamed) {
  const auto before = Load(BundleBuilder({.space = "old"}), "a"), after = Load(BundleBuilder({.space = "new"}), "b");
  const BundleDrift drift = Compare(*before, *after);
  EXPECT_THAT(drift.spaces, IsEmpty());
  EXPECT_THAT(drift.only_before, ElementsAre("old"));
  EXPECT_THAT(drift.only_after, ElementsAre("new"));
  const auto missing = CompareBundles(*before, *after, {.space = "old"});
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("the new one: new"));
}

TEST_F(BundleDriftTest, FewSharedRowsAreSaid) {
  const auto before = Load(BundleBuilder({.n_items = 10}), "a"), after = Load(BundleBuilder({.n_items = 10}), "b");
  EXPECT_THAT(Compare(*before, *after).spaces[0].notes, ::testing::Contains(HasSubstr("10 shared rows of 6 numbers")));
}

TEST_F(BundleDriftTest, SamplesAreSeededAndBounded) {
  const auto before = Load(BundleBuilder({.seed = 1}), "a"), after = Load(BundleBuilder({.seed = 2}), "b");
  const DriftOptions options{.sample_items = 7, .sample_users = 3, .sample_rows = 20, .seed = 5};
  const BundleDrift one = Compare(*before, *after, options), two = Compare(*before, *after, options);
  EXPECT_EQ(one.spaces[0].tables[0].rows.compared, 20);
  EXPECT_EQ(one.spaces[0].tables[0].shared, 70);
  EXPECT_EQ(one.spaces[0].neighbor_items, 7);
  EXPECT_EQ(one.spaces[0].list_users, 3);
  EXPECT_EQ(BundleDriftJson(one, {}), BundleDriftJson(two, {}));
  DriftOptions other = options;
  other.seed = 6;
  EXPECT_NE(Compare(*before, *after, other).spaces[0].tables[0].drift(), one.spaces[0].tables[0].drift());
}

TEST_F(BundleDriftTest, TrainingMembersThatDiffer) {
  BundleBuilder builder;
  builder.metadata()[std::string(names::kTraining)] =
      R"({"seed":1,"spaces":{"a":{"factors":8,"seconds":2}},"gone":[1]})";
  const auto before = Load(builder, "a");
  builder.metadata()[std::string(names::kTraining)] =
      R"({"seed":1,"spaces":{"a":{"factors":16,"seconds":3}},"new":"x"})";
  const auto after = Load(builder, "b");
  const BundleDrift drift = Compare(*before, *after);
  ASSERT_EQ(drift.training.size(), 3);
  EXPECT_EQ(drift.training[0].member, "gone");
  EXPECT_EQ(drift.training[0].before, "[1]");
  EXPECT_EQ(drift.training[0].after, "");
  EXPECT_EQ(drift.training[1].member, "new");
  EXPECT_EQ(drift.training[2].member, "spaces.a.factors");
  const auto json = nlohmann::json::parse(BundleDriftJson(drift, {}));
  EXPECT_EQ(json["training"][2]["after"], 16);
  EXPECT_EQ(json["training"][0]["after"], nullptr);
  EXPECT_EQ(json["drifted"], false);
  EXPECT_THAT(BundleDriftText(drift, {}), HasSubstr("spaces.a.factors: 8 → 16"));
}

}  // namespace
}  // namespace kindred
