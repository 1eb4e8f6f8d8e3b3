#include "core/lifecycle/drift.h"

#include <gtest/gtest.h>

#include "core/bundle/tensor_names.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"
#include "tests/unit/engine/test_model.h"
#include "tests/unit/lifecycle/gate_models.h"

namespace kindred {
namespace {

using testing::GateModel;
using testing::LoadGateModel;

Drift Measure(const Model& candidate, const Model& live) {
  const absl::StatusOr<Drift> drift = MeasureDrift(candidate, live);
  EXPECT_TRUE(drift.ok()) << drift.status();
  return drift.value_or(Drift());
}

TEST(DriftTest, AModelIsLikeItself) {
  const ModelHandle model = LoadGateModel({});
  const Drift drift = Measure(*model, *model);
  EXPECT_EQ(drift.subjects, 60u);
  EXPECT_EQ(drift.overlap, 1);
  EXPECT_EQ(drift.catalogue, 1);
  EXPECT_EQ(drift.own_rank, drift.live_own_rank);
  EXPECT_GT(drift.own_rank, 0.85);
}

TEST(DriftTest, AnotherTrainingAnswersMuchAlike) {
  const Drift drift = Measure(*LoadGateModel({.seed = 2}), *LoadGateModel({.seed = 1}));
  EXPECT_GT(drift.overlap, 0.3);
  EXPECT_LT(drift.overlap, 1);
  EXPECT_LT(drift.live_own_rank - drift.own_rank, 0.05);
}

TEST(DriftTest, RotatedItemsLeaveUsersOwnItemsInTheMiddle) {
  const Drift drift = Measure(*LoadGateModel({.seed = 2, .rotate_items = true}), *LoadGateModel({.seed = 1}));
  EXPECT_NEAR(drift.own_rank, 0.5, 0.1);
  EXPECT_GT(drift.live_own_rank, 0.85);
}

TEST(DriftTest, WithoutUsersInCommonHistoriesAreComparedByWhatTheyLeaveOut) {
  const ModelHandle live = LoadGateModel({.seed = 1});
  const Drift strangers = Measure(*LoadGateModel({.seed = 2, .first_user = 1000}), *live);
  EXPECT_EQ(strangers.subjects, 60u);
  EXPECT_GT(strangers.own_rank, 0.8);
  // The candidate alone has users: theirs are taken.
  const Drift none = Measure(*LoadGateModel({.seed = 2}), *LoadGateModel({.seed = 1, .n_users = 0}));
  EXPECT_EQ(none.subjects, 60u);
  EXPECT_GT(none.own_rank, 0.8);
  EXPECT_GT(none.overlap, 0.3);
}

TEST(DriftTest, WithoutAnyUsersItemsAreCompared) {
  const Drift drift = Measure(*LoadGateModel({.seed = 2, .n_users = 0}), *LoadGateModel({.seed = 1, .n_users = 0}));
  EXPECT_EQ(drift.subjects, 200u);
  EXPECT_GT(drift.overlap, 0.3);
  EXPECT_GT(drift.own_rank, 0.95);
}

TEST(DriftTest, OnlyItemsOfBothCountAndTheOthersAreTold) {
  const Drift drift = Measure(*LoadGateModel({.seed = 2, .first_item = 150}), *LoadGateModel({.seed = 1}));
  EXPECT_EQ(drift.catalogue, 0.5);
  EXPECT_LT(drift.live_own_rank - drift.own_rank, 0.1);
  const Drift apart =
      Measure(*LoadGateModel({.seed = 2, .first_item = 1000, .first_user = 1000}), *LoadGateModel({.seed = 1}));
  EXPECT_EQ(apart.catalogue, 0);
  EXPECT_EQ(apart.subjects, 0u);
}

TEST(DriftTest, EveryFoldInCanBeCompared) {
  for (FoldIn fold_in : {FoldIn::kRidge, FoldIn::kNnls, FoldIn::kMean, FoldIn::kImplicit, FoldIn::kObserved}) {
    testing::ModelShape shape;
    shape.spec.fold_in = fold_in;
    shape.spec.fold_in_lambda = 0.1;
    shape.non_negative = fold_in == FoldIn::kNnls;
    const auto live = testing::LoadModel(shape);
    shape.seed = 2;
    const auto candidate = testing::LoadModel(shape);
    const Drift drift = Measure(*candidate, *live);
    EXPECT_EQ(drift.subjects, 20u) << FoldInName(fold_in);
    for (double rank : {drift.own_rank, drift.live_own_rank}) {
      EXPECT_GT(rank, 0) << FoldInName(fold_in);
      EXPECT_LT(rank, 1) << FoldInName(fold_in);
    }
  }
}

TEST(DriftTest, EveryKindOfSpaceCanBeCompared) {
  for (const char* space : {"traits", "vectors", "words", "blend"}) {
    testing::BundleBuilder builder;
    builder.AddEveryTensor();
    builder.metadata().insert_or_assign(std::string(names::kDefaultSpace), space);
    const testing::TempDir folder;
    const std::string path = folder.File("bundle.safetensors");
    ASSERT_TRUE(builder.WriteSealed(path).ok());
    const auto model = Model::Load(path);
    ASSERT_TRUE(model.ok()) << model.status();
    const Drift drift = Measure(**model, **model);
    EXPECT_EQ(drift.subjects, 9u) << space;
    EXPECT_EQ(drift.overlap, 1) << space;
    EXPECT_EQ(drift.own_rank, drift.live_own_rank) << space;
    EXPECT_GT(drift.own_rank, 0) << space;
    EXPECT_LE(drift.own_rank, 1) << space;
  }
}

TEST(DriftTest, IsGivenUpAtAnyQuestion) {
  const ModelHandle candidate = LoadGateModel({.seed = 2}), live = LoadGateModel({.seed = 1});
  int questions = 0;
  ASSERT_TRUE(MeasureDrift(*candidate, *live, [&] { return ++questions > 0; }).ok());
  EXPECT_GE(questions, 61);  // one of the items, and each subject
  for (int last = 1; last <= questions; ++last) {
    int asked = 0;
    const auto drift = MeasureDrift(*candidate, *live, [&] { return ++asked < last; });
    EXPECT_EQ(drift.status().code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(asked, last);
  }
}

TEST(DriftTest, AFileOverwrittenMeanwhileHarmsNothing) {
  const testing::TempDir folder;
  const std::string path = testing::WriteGateModel({.seed = 1}, folder.File("live"));
  const std::string bytes = testing::ReadFile(path);
  const auto live = Model::Load(path);
  ASSERT_TRUE(live.ok()) << live.status();
  const ModelHandle candidate = LoadGateModel({.seed = 2});
  for (const TensorEntry& tensor : (*live)->info().header.tensors) {
    SCOPED_TRACE(tensor.name);
    testing::PatchFile(path, tensor.begin, std::string(tensor.end - tensor.begin, '\xff'));
    for (const auto& [a, b] : {std::pair(candidate, *live), std::pair(*live, candidate)}) {
      const Drift drift = Measure(*a, *b);
      for (double rank : {drift.overlap, drift.own_rank, drift.live_own_rank}) {
        EXPECT_GE(rank, 0);
        EXPECT_LE(rank, 1);
      }
    }
    testing::PatchFile(path, tensor.begin, bytes.substr(tensor.begin, tensor.end - tensor.begin));
  }
  testing::PatchFile(path, 0, std::string(bytes.size(), '\xff'));
  Measure(*candidate, **live);
  Measure(**live, *candidate);
}

TEST(DriftTest, TheSameTwiceGivesTheSameNumbers) {
  const ModelHandle candidate = LoadGateModel({.seed = 2}), live = LoadGateModel({.seed = 1});
  const Drift first = Measure(*candidate, *live), second = Measure(*candidate, *live);
  EXPECT_EQ(first.overlap, second.overlap);
  EXPECT_EQ(first.own_rank, second.own_rank);
  EXPECT_EQ(first.live_own_rank, second.live_own_rank);
}

}  // namespace
}  // namespace kindred
