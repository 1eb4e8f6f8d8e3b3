#include "server/shadow_scorer.h"

#include <gtest/gtest.h>

#include "core/base/str_cat.h"
#include "server/memory_profile_store.h"
#include "tests/unit/server/service_test_server.h"

namespace kindred {
namespace {

class ShadowScorerTest : public testing::ServiceTestServer {
 protected:
  ~ShadowScorerTest() override { Stop(std::chrono::seconds(20)); }

  void PublishShadow(const ModelHandle& shadow, uint32_t share) {
    ModelRoutes routes = testing::RoutesOf(serving_, {shadow});
    routes.shadow = shadow;
    routes.shadow_share = share;
    models_.Publish(std::move(routes));
  }
  ShadowFigures FiguresOf() {
    const std::vector<ShadowFigures> all = shadow_.Figures();
    return all.empty() ? ShadowFigures() : all.front();
  }
  uint64_t Seen() { return FiguresOf().compared + FiguresOf().dropped + FiguresOf().failed; }

  MemoryProfileStore store_;
  const ModelHandle serving_ = testing::LoadGeneration(1);
  ShadowScorer shadow_{&models_, &availability_, &store_};
};

TEST_F(ShadowScorerTest, WithoutAShadowNothingIsDrawn) {
  Serve(&store_);
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(shadow_.Draw().has_value());
  PublishShadow(testing::LoadGeneration(2), 0);
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(shadow_.Draw().has_value());
  EXPECT_EQ(FiguresOf().version, "2");
  PublishShadow(testing::LoadGeneration(2), kWholeShare / 2);
  int drawn = 0;
  for (int i = 0; i < 1'000; ++i) drawn += shadow_.Draw().has_value() ? 1 : 0;
  EXPECT_GT(drawn, 300);
  EXPECT_LT(drawn, 700);
}

TEST_F(ShadowScorerTest, TheSameBundleAnswersTheSame) {
  shadow_for_service_ = &shadow_;
  Serve(&store_);
  // The same content as another version.
  PublishShadow(testing::LoadTestModel(
                    [] {
                      testing::BundleShape shape;
                      shape.seed = 1;
                      return testing::BundleBuilder(shape);
                    }(),
                    "shop", "2"),
                kWholeShare);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(Recommend(StrCat("user-", i % 12)).version(), "1");
    ASSERT_TRUE(Await([&] { return Seen() == static_cast<uint64_t>(i) + 1; }));
  }
  const ShadowFigures figures = FiguresOf();
  EXPECT_EQ(figures.model, "shop");
  EXPECT_EQ(figures.compared, 40u);
  EXPECT_EQ(figures.overlap, 1);
  EXPECT_EQ(figures.score_shift, 0);
  EXPECT_GT(figures.latency_ratio, 0);
}

TEST_F(ShadowScorerTest, AnotherBundleIsSeenToDifferAndANewShadowBeginsAnew) {
  shadow_for_service_ = &shadow_;
  Serve(&store_);
  const ModelHandle other = testing::LoadGeneration(2);
  PublishShadow(other, kWholeShare);
  for (int i = 0; i < 30; ++i) {
    Recommend(StrCat("user-", i % 12));
    ASSERT_TRUE(Await([&] { return Seen() == static_cast<uint64_t>(i) + 1; }));
  }
  EXPECT_EQ(FiguresOf().compared, 30u);
  EXPECT_LT(FiguresOf().overlap, 1);
  EXPECT_GT(FiguresOf().score_shift, 0);
  PublishShadow(testing::LoadGeneration(3), kWholeShare);
  EXPECT_EQ(FiguresOf().version, "3");
  EXPECT_EQ(FiguresOf().compared, 0u);
}

TEST_F(ShadowScorerTest, WhatWasComparedWithAnotherVersionDoesNotCount) {
  shadow_for_service_ = &shadow_;
  Serve(&store_);
  const ModelHandle shadow = testing::LoadGeneration(3);
  const auto compare = [&](uint64_t wanted) {
    Recommend("user-1");
    return Await([&] { return Seen() == wanted; });
  };
  PublishShadow(shadow, kWholeShare);
  ASSERT_TRUE(compare(1));
  ASSERT_TRUE(compare(2));
  // Another version serves.
  ModelRoutes routes = testing::RoutesOf(testing::LoadGeneration(2), {shadow});
  routes.shadow = shadow;
  routes.shadow_share = kWholeShare;
  models_.Publish(routes);
  EXPECT_EQ(FiguresOf().compared, 0u);
  ASSERT_TRUE(compare(1));
  // It was no shadow for a while.
  routes.shadow = nullptr;
  models_.Publish(routes);
  EXPECT_TRUE(shadow_.Figures().empty());
  routes.shadow = shadow;
  models_.Publish(routes);
  EXPECT_EQ(FiguresOf().compared, 0u);
}

TEST_F(ShadowScorerTest, WhatHasNoRoomIsDroppedAndTheShadowIsNotKept) {
  std::weak_ptr<const Model> shadow;
  {
    const ModelHandle other = testing::LoadGeneration(2);
    shadow = other;
    PublishShadow(other, kWholeShare);
  }
  auto routes = models_.Snapshot()->begin()->second;
  v1::RecommendRequest request;
  request.mutable_subject()->set_user_id("user-1");
  v1::RecommendResponse response;
  response.set_version("1");
  constexpr uint64_t kOffered = 20'000;
  for (uint64_t i = 0; i < kOffered; ++i) shadow_.Offer(0, routes.get(), request, response, 1'000);
  EXPECT_TRUE(Await([&] { return Seen() == kOffered; }));
  EXPECT_GT(FiguresOf().compared, 0u);
  EXPECT_GT(FiguresOf().dropped, 0u);
  routes = nullptr;
  models_.Publish(serving_);
  EXPECT_TRUE(Await([&] { return shadow.expired(); }));
}

TEST_F(ShadowScorerTest, OnlyWhatTheShadowCouldAnswerInItsPlaceIsCompared) {
  PublishShadow(testing::LoadGeneration(2), kWholeShare / 2);
  const auto routes = models_.Snapshot()->begin()->second;
  v1::RecommendRequest request, page, chosen;
  page.set_page_token("x");
  chosen.set_model("shop@1");
  v1::RecommendResponse by_serving, by_canary;
  by_serving.set_version("1");
  by_canary.set_version("7");
  shadow_.Offer(kWholeShare / 2, routes.get(), request, by_serving, 1);
  shadow_.Offer(0, nullptr, request, by_serving, 1);
  shadow_.Offer(0, routes.get(), page, by_serving, 1);
  shadow_.Offer(0, routes.get(), chosen, by_serving, 1);
  shadow_.Offer(0, routes.get(), request, by_canary, 1);
  shadow_.Offer(0, routes.get(), request, by_serving, 1);
  EXPECT_TRUE(Await([&] { return Seen() == 1; }));
}

}  // namespace
}  // namespace kindred
