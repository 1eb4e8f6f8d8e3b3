#include "core/lifecycle/availability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/unit/engine/test_model.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Views = std::vector<std::string_view>;

ModelHandle MakeModel(uint32_t n_items) {
  testing::ModelShape shape;
  shape.n_items = n_items;
  shape.n_users = 0;
  shape.dim = 2;
  return testing::LoadModel(shape);
}

std::shared_ptr<const UnavailableItems> Items(const Views& ids, uint64_t version = 1) {
  return std::make_shared<const UnavailableItems>(ids, version);
}

TEST(AvailabilityViewTest, MarksTheItemsOfTheCatalogueThatAreIn) {
  for (const uint32_t n_items : {1u, 63u, 64u, 65u, 200u}) {
    const ModelHandle model = MakeModel(n_items);
    const AvailabilityView view(*model, *Items({"i0", "i199", "i63", "nowhere"}, 9));
    EXPECT_EQ(view.version(), 9u);
    uint32_t out = 0;
    for (uint32_t item = 0; item < 64 * model->item_words(); ++item) {
      const bool is_out = item == 0 || item == 63 || item == 199 || item >= n_items;
      EXPECT_EQ((view.allowed()[item / 64] >> (item % 64)) & 1, is_out ? 0 : 1) << item << " of " << n_items;
      out += is_out && item < n_items ? 1 : 0;
    }
    EXPECT_EQ(view.unavailable(), out);
    EXPECT_EQ(view.allowed().size(), model->item_words());
  }
}

TEST(AvailabilityViewTest, IsEmptyWhenNothingOfTheCatalogueIsOut) {
  const ModelHandle model = MakeModel(70);
  EXPECT_THAT(AvailabilityView(*model, UnavailableItems()).allowed(), IsEmpty());
  EXPECT_THAT(AvailabilityView(*model, *Items({"i70", "other"})).allowed(), IsEmpty());
}

TEST(AvailabilityViewTest, HasAChecksumOfTheItemsThatAreOut) {
  const ModelHandle model = MakeModel(70);
  const auto checksum = [&](const Views& ids, uint64_t version) {
    return AvailabilityView(*model, *Items(ids, version)).checksum();
  };
  EXPECT_EQ(checksum({}, 1), 0u);
  EXPECT_EQ(checksum({"other"}, 2), 0u);
  EXPECT_NE(checksum({"i3"}, 1), 0u);
  EXPECT_EQ(checksum({"i3", "other"}, 5), checksum({"i3"}, 1)) << "whatever the version";
  EXPECT_NE(checksum({"i4"}, 1), checksum({"i3"}, 1));
  EXPECT_NE(checksum({"i3", "i4"}, 1), checksum({"i3"}, 1));
}

TEST(AvailabilityViewTest, FindsEachOfManyIds) {
  const ModelHandle model = MakeModel(2000);
  std::vector<std::string> names;
  for (int i = 0; i < 2000; i += 3) names.push_back("i" + std::to_string(i));
  std::sort(names.begin(), names.end());
  const AvailabilityView view(*model, *Items(Views(names.begin(), names.end())));
  EXPECT_EQ(view.unavailable(), names.size());
  for (uint32_t item = 0; item < 2000; ++item) {
    ASSERT_EQ((view.allowed()[item / 64] >> (item % 64)) & 1, item % 3 == 0 ? 0 : 1) << item;
  }
}

TEST(AvailabilityTest, AReaderSeesEveryPublication) {
  AvailabilityRegistry registry;
  AvailabilityReader reader(&registry);
  const ModelHandle model = MakeModel(70);
  registry.Prepare(model);
  EXPECT_THAT(reader.Of(model).allowed(), IsEmpty());
  EXPECT_EQ(reader.Of(model).version(), 0u);
  registry.Publish(Items({"i3"}));
  EXPECT_THAT(reader.Of(model).allowed(), ElementsAre(~uint64_t{8}, 0x3f));
  const AvailabilityHandle kept = reader.Find(model);
  registry.Publish(Items({}, 2));
  EXPECT_THAT(reader.Of(model).allowed(), IsEmpty());
  EXPECT_EQ(reader.Of(model).version(), 2u);
  EXPECT_EQ(kept->unavailable(), 1u);  // as it was
}

TEST(AvailabilityTest, EveryGenerationHasItsOwnView) {
  AvailabilityRegistry registry;
  AvailabilityReader reader(&registry);
  registry.Publish(Items({"i0", "i64"}));
  const ModelHandle before = MakeModel(64), after = MakeModel(65);
  EXPECT_EQ(reader.Of(before).unavailable(), 1u);  // nobody prepared it
  EXPECT_EQ(reader.Of(after).unavailable(), 2u);
  EXPECT_EQ(reader.Of(before).allowed().size(), 1u);
  const uint64_t epoch = registry.epoch();
  registry.Prepare(before);
  EXPECT_EQ(registry.epoch(), epoch);  // it is there
}

TEST(AvailabilityTest, GenerationsThatAreGoneAreForgotten) {
  AvailabilityRegistry registry;
  AvailabilityReader reader(&registry);
  ModelHandle model = MakeModel(64);
  const std::weak_ptr<const Model> alive = model;
  EXPECT_EQ(reader.Of(model).unavailable(), 0u);
  model.reset();
  EXPECT_TRUE(alive.expired());
  model = MakeModel(65);  // perhaps where the other was
  EXPECT_EQ(reader.Of(model).unavailable(), 0u);
  EXPECT_EQ(registry.Snapshot()->size(), 1u);
  model.reset();
  registry.Publish(Items({"i64"}));
  EXPECT_THAT(*registry.Snapshot(), IsEmpty());
  model = MakeModel(65);
  EXPECT_EQ(reader.Of(model).unavailable(), 1u);
}

TEST(AvailabilityTest, WhatWasPublishedIsSeenByEveryLaterReader) {
  AvailabilityRegistry registry;
  const ModelHandle model = MakeModel(100);
  registry.Prepare(model);
  std::atomic<uint64_t> published{0};
  std::atomic<bool> stop{false};
  std::atomic<int> stale{0}, torn{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      AvailabilityReader reader(&registry);
      while (!stop.load()) {
        const uint64_t acknowledged = published.load();
        const AvailabilityView& view = reader.Of(model);
        if (view.version() < acknowledged) ++stale;
        // Odd versions have one item out, even ones none.
        if (view.unavailable() != view.version() % 2) ++torn;
      }
    });
  }
  for (uint64_t version = 1; version <= 2000; ++version) {
    registry.Publish(version % 2 == 1 ? Items({"i5"}, version) : Items({}, version));
    published.store(version);
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(stale.load(), 0);
  EXPECT_EQ(torn.load(), 0);
}

}  // namespace
}  // namespace kindred
