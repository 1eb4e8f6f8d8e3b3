#include "core/lifecycle/version_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/files.h"
#include "tests/unit/lifecycle/gate_models.h"

namespace kindred {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::GateModel;
using ::testing::HasSubstr;
using testing::LoadGateModel;
using testing::WriteGateModel;

class VersionGateTest : public ::testing::Test {
 protected:
  absl::Status Pass(const GateModel& shape, const ModelHandle& live, bool force = false) {
    return PassGate(WriteGateModel(shape, Path()), "demo", 7, live, force, options_, nullptr, &result_);
  }
  std::string Path() const { return folder_.File("bundle.safetensors"); }

  const testing::TempDir folder_;
  GateOptions options_;
  GateResult result_;
};

TEST_F(VersionGateTest, AnotherTrainingPassesAndIsTheVersionOfItsFolder) {
  ASSERT_TRUE(Pass({.seed = 2}, LoadGateModel({.seed = 1})).ok());
  ASSERT_NE(result_.model, nullptr);
  EXPECT_EQ(result_.model->version(), "7");
  EXPECT_EQ(result_.golden_queries, 30);
  EXPECT_EQ(result_.drift.subjects, 60u);
  EXPECT_GT(result_.memory.bundle, result_.model->info().file_size);
  EXPECT_GT(result_.memory.available, result_.memory.bundle);
  EXPECT_GT(result_.seconds, 0);
}

TEST_F(VersionGateTest, TheFirstVersionHasNothingToDriftFrom) {
  ASSERT_TRUE(Pass({}, nullptr).ok());
  EXPECT_EQ(result_.drift.subjects, 0u);
}

TEST_F(VersionGateTest, RotatedItemsAreRefusedWithTheReason) {
  const absl::Status status = Pass({.seed = 2, .rotate_items = true}, LoadGateModel({.seed = 1}));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(Path()), HasSubstr("users' own items rank at the "),
                    HasSubstr(" percentile, under version 1 at the "),
                    HasSubstr("user and item vectors do not belong together"), HasSubstr("(bound: 20 points lower"),
                    HasSubstr("kindred models load demo 7 --force")));
  EXPECT_EQ(result_.model, nullptr);
  EXPECT_EQ(result_.golden_queries, 30);  // they follow from the rotated items: only drift tells
  EXPECT_GT(result_.drift.live_own_rank, result_.drift.own_rank + 0.3);
}

TEST_F(VersionGateTest, WithForceDriftIsMeasuredAndRefusesNothing) {
  ASSERT_TRUE(Pass({.seed = 2, .rotate_items = true}, LoadGateModel({.seed = 1}), /*force=*/true).ok());
  EXPECT_NE(result_.model, nullptr);
  EXPECT_NEAR(result_.drift.own_rank, 0.5, 0.1);
}

TEST_F(VersionGateTest, AGoldenQueryAlteredByOneRankIsRefusedNamingWhatWasExpected) {
  const absl::Status status = Pass({.swap_golden = true}, nullptr, /*force=*/true);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(Path()), HasSubstr("golden query 2 (user u"), HasSubstr("at rank 3: expected 'i"),
                    HasSubstr(", found 'i"), HasSubstr("pack it again")));
  EXPECT_EQ(result_.model, nullptr);
}

TEST_F(VersionGateTest, ACatalogueThatLostHalfOfItsItemsIsRefused) {
  const absl::Status status = Pass({.seed = 2, .first_item = 151}, LoadGateModel({.seed = 1}));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("it has 49.7% of the items of version 1, which serves (bound: 50.0%"));
}

TEST_F(VersionGateTest, OtherAnswersThanTheBoundAllowsAreRefused) {
  options_.min_overlap = 0.999;
  const absl::Status status = Pass({.seed = 2}, LoadGateModel({.seed = 1}));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("of the ten best items of 60 users or histories"));
}

TEST_F(VersionGateTest, AFewSubjectsRefuseNothing) {
  options_.min_overlap = 1;
  options_.max_own_rank_drop = 0;
  EXPECT_TRUE(Pass({.seed = 2, .n_users = 9, .rotate_items = true}, LoadGateModel({.seed = 1, .n_users = 9})).ok());
}

TEST_F(VersionGateTest, AVersionThatDoesNotFitIsRefusedWithTheNumbersBeforeItIsRead) {
  options_.memory_limit_bytes = 1;
  options_.memory_headroom_bytes = 3 << 20;
  std::vector<std::string> steps;
  const absl::Status status = PassGate(
      WriteGateModel({}, Path()), "demo", 7, nullptr, false, options_,
      [&](std::string_view step, double progress) {
        if (progress == 0) steps.emplace_back(step);
        return true;
      },
      &result_);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(" KiB, to be mapped, + "), HasSubstr(" made at load) beside "),
                    HasSubstr("the models.gate.memory_limit_bytes leaves 0 KiB, 3 MiB of which must stay free")));
  EXPECT_THAT(steps, ElementsAre("header", "memory"));
  EXPECT_EQ(result_.memory.headroom, uint64_t{3} << 20);
  EXPECT_EQ(result_.memory.available, 0u);
}

TEST_F(VersionGateTest, ALimitThatLeavesRoomForItIsEnough) {
  options_.memory_limit_bytes = uint64_t{1} << 40;
  EXPECT_TRUE(Pass({}, nullptr).ok());
  EXPECT_GT(result_.memory.available, uint64_t{1} << 39);
}

TEST_F(VersionGateTest, ABundleOfAnotherModelIsRefusedBeforeItIsRead) {
  const absl::Status status = Pass({.model = "shoes"}, nullptr);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("bundle of model 'shoes' in the folder of model 'demo'"));
  EXPECT_EQ(result_.memory.bundle, 0u);
}

TEST_F(VersionGateTest, DamageIsRefusedNamingTheTensor) {
  std::string bytes = testing::ReadFile(WriteGateModel({}, Path()));
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);
  testing::WriteFile(Path(), bytes);
  const absl::Status status = PassGate(Path(), "demo", 7, nullptr, false, options_, nullptr, &result_);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(Path()), HasSubstr("tensor")));
  EXPECT_EQ(PassGate(folder_.File("no"), "demo", 7, nullptr, false, options_, nullptr, &result_).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(VersionGateTest, WhoeverWatchesMayGiveUpAtAnyStep) {
  const std::string path = WriteGateModel({}, Path());
  for (std::string_view last : {"header", "memory", "checksums", "golden queries", "drift"}) {
    const absl::Status status = PassGate(
        path, "demo", 7, nullptr, false, options_, [&](std::string_view step, double) { return step != last; },
        &result_);
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
    EXPECT_THAT(std::string(status.message()), HasSubstr(last));
    EXPECT_EQ(result_.model, nullptr);
  }
}

TEST_F(VersionGateTest, WhoeverWatchesMayGiveUpWithinAStep) {
  const std::string path = WriteGateModel({.seed = 2}, Path());
  const ModelHandle live = LoadGateModel({.seed = 1});
  for (std::string_view last : {"checksums", "golden queries", "drift"}) {
    const auto pass = [&](int most) {
      int asked = 0;
      const absl::Status status = PassGate(
          path, "demo", 7, live, false, options_,
          [&](std::string_view step, double) { return step != last || ++asked <= most; }, &result_);
      return std::pair(status, asked);
    };
    const int questions = pass(1'000'000).second;
    EXPECT_GE(questions, 20) << last;
    for (int most = 0; most < questions; ++most) {
      const auto [status, asked] = pass(most);
      EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
      EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(path), HasSubstr(last)));
      EXPECT_EQ(asked, most + 1);
      EXPECT_EQ(result_.model, nullptr);
    }
  }
}

}  // namespace
}  // namespace kindred
