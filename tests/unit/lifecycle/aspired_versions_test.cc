#include "core/lifecycle/aspired_versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<uint64_t> kKnown = {1, 2, 3, 4};

uint64_t Choose(const ModelPolicy& policy, const ModelDecisions& decisions, uint64_t serving,
                const std::set<uint64_t>& bad = {}, const std::vector<uint64_t>& known = kKnown) {
  return ChooseServing(Aspire(policy, decisions, known), decisions, serving,
                       [&bad](uint64_t version) { return !bad.contains(version); });
}

TEST(AspiredVersions, TheLatestThatIsGoodServes) {
  EXPECT_EQ(Choose({}, {}, 0), 4u);
  EXPECT_EQ(Choose({}, {}, 0, {4}), 3u);
  EXPECT_EQ(Choose({}, {}, 2, {4}), 3u);
  EXPECT_EQ(Choose({}, {}, 0, {1, 2, 3, 4}), 0u);
}

TEST(AspiredVersions, APinnedVersionServesWhateverElseIsThere) {
  ModelPolicy policy;
  policy.pinned = 2;
  EXPECT_EQ(Choose(policy, {}, 4), 2u);
  EXPECT_EQ(Aspire(policy, {}, kKnown).policy, PolicyKind::kPinned);
  // What serves goes on where the pinned one is bad; where nothing serves, the best of the rest does.
  EXPECT_EQ(Choose(policy, {}, 3, {2}), 3u);
  EXPECT_EQ(Choose(policy, {}, 0, {2}), 4u);
}

TEST(AspiredVersions, AfterActivationOnlyLaterVersionsTakeOver) {
  const ModelDecisions decisions = Activated({}, 2, false, kKnown);
  EXPECT_EQ(Choose({}, decisions, 4), 2u);
  EXPECT_EQ(Choose({}, decisions, 2, {}, {1, 2, 3, 4, 5}), 5u);
  EXPECT_EQ(Choose({}, decisions, 2, {5}, {1, 2, 3, 4, 5}), 2u);
  EXPECT_EQ(Choose({}, Activated({}, 2, true, kKnown), 4, {}, {1, 2, 3, 4, 5}), 2u);
}

TEST(AspiredVersions, ActivationAndFollowingGoBeforeTheConfiguration) {
  ModelPolicy policy;
  policy.pinned = 1;
  EXPECT_EQ(Choose(policy, Activated({}, 3, true, kKnown), 1), 3u);
  EXPECT_EQ(Choose(policy, Following({}), 1), 4u);
}

TEST(AspiredVersions, AVersionRolledBackFromIsTheLastResort) {
  ModelDecisions decisions = WithServed(WithServed({}, 3), 4);
  EXPECT_THAT(RollbackTargets(decisions, 4), ElementsAre(3));
  decisions = RolledBack(decisions, 4, 3, kKnown);
  EXPECT_EQ(Choose({}, decisions, 4), 3u);
  EXPECT_EQ(Choose({}, decisions, 0, {3}), 2u);
  EXPECT_EQ(Choose({}, decisions, 0, {1, 2, 3}), 4u);
  EXPECT_EQ(Choose({}, decisions, 4, {3}), 2u);  // also where it came to serve again
  EXPECT_THAT(RollbackTargets(decisions, 3), IsEmpty());
  EXPECT_THAT(RollbackTargets(Activated(decisions, 4, false, kKnown), 4), ElementsAre(3));
}

TEST(AspiredVersions, AVersionRolledBackFromThatVanishedMayComeBackAsAFix) {
  // 4 and then 3 were rolled back from, and 3 is taken away.
  ModelDecisions decisions = RolledBack(RolledBack({}, 4, 3, kKnown), 3, 2, kKnown);
  EXPECT_EQ(Choose({}, decisions, 2), 2u);
  decisions = NoLongerPassedOver(decisions, 3, std::vector<uint64_t>{1, 2, 4});
  EXPECT_THAT(decisions.passed_over, ElementsAre(4));
  EXPECT_EQ(Choose({}, decisions, 2, {}, {1, 2, 4}), 2u);
  EXPECT_EQ(Choose({}, decisions, 2), 3u);
  // Others that were there already do not take over for that.
  decisions = RolledBack(Activated({}, 3, false, kKnown), 3, 2, kKnown);
  decisions = NoLongerPassedOver(decisions, 3, std::vector<uint64_t>{1, 2, 4});
  EXPECT_EQ(Choose({}, decisions, 2), 2u);
}

TEST(AspiredVersions, LabelsOfOperatorsGoBeforeThoseOfTheConfiguration) {
  ModelPolicy policy;
  policy.labels = {{"canary", 3}, {"old", 1}};
  policy.canary_share = 500;
  ModelDecisions decisions;
  EXPECT_EQ(Aspire(policy, decisions, kKnown).labels.at("canary"), (LabelDecision{3, 500}));
  decisions.labels = {{"canary", {4, 100}}, {"old", {0, 0}}};
  const auto labels = Aspire(policy, decisions, kKnown).labels;
  EXPECT_EQ(labels.at("canary"), (LabelDecision{4, 100}));
  EXPECT_FALSE(labels.contains("old"));
}

}  // namespace
}  // namespace kindred
