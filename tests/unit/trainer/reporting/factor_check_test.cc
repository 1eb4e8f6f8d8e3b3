#include "trainer/reporting/factor_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/bundle/tensor_names.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

TEST(FactorCheckTest, MagnitudesAndLengths) {
  const std::vector<float> matrix = {3, -4, 0, 0, 0, 5};
  const FactorFigures f = CheckFactors(matrix, 2);
  EXPECT_EQ(f.rows, 3);
  EXPECT_EQ(f.dim, 2);
  EXPECT_EQ(f.zero_rows, 1);
  EXPECT_DOUBLE_EQ(f.magnitude_mean, 2);  // 12 / 6
  EXPECT_DOUBLE_EQ(f.magnitude_deviation, std::sqrt(50.0 / 6 - 4));
  EXPECT_DOUBLE_EQ(f.row_norm_mean, 10.0 / 3);  // 5, 0, 5
  EXPECT_DOUBLE_EQ(f.row_norm_deviation, std::sqrt(50.0 / 3 - 100.0 / 9));
  EXPECT_EQ(CheckFactors({}, 2).rows, 0);
  EXPECT_EQ(CheckFactors({}, 0).rows, 0);
}

// Two users, two items, two dimensions: u·x = [[1, 2], [3, 4]].
class ReconstructTest : public ::testing::Test {
 protected:
  absl::StatusOr<Reconstruction> Run(SpaceSpec spec, const std::string& training = "") {
    testing::BundleBuilder builder({.n_items = 2, .n_users = 2, .n_categories = 1, .dim = 2});
    spec.dim = 2;
    const std::vector<float> users = {1, 2, 3, 4}, items = {1, 0, 0, 1};
    std::copy(users.begin(), users.end(), builder.Get<float>("space.default.users").begin());
    std::copy(items.begin(), items.end(), builder.Get<float>("space.default.items").begin());
    builder.metadata()[std::string(names::kSpaces)] = SpaceSpecsToJson({{"default", spec}});
    if (!training.empty()) builder.metadata()[std::string(names::kTraining)] = training;
    const std::string path = dir_.File("b.safetensors");
    if (const absl::Status status = builder.WriteSealed(path); !status.ok()) return status;
    auto model = Model::Load(path);
    if (!model.ok()) return model.status();
    return Reconstruct(**model, (*model)->default_space(), train_);
  }

  testing::TempDir dir_;
  // Rows of user-0: item-0 1 and 2, item-1 2; of user-1: item-0 5, and what the model does not know.
  EventLog train_ = [] {
    EventLog log;
    log.user_ids = {"user-0", "user-1", "stranger"};
    log.item_ids = {"item-0", "item-1", "unknown"};
    log.user = {0, 0, 0, 1, 1, 2};
    log.item = {0, 0, 1, 0, 2, 0};
    log.value = {1, 2, 2, 5, 9, 9};
    return log;
  }();
};

TEST_F(ReconstructTest, AgainstTheAggregatedValues) {
  const auto found = Run({.family = "svd"});
  ASSERT_TRUE(found.ok()) << found.status();
  // Sums 3, 2, 5 against 1, 2, 3.
  EXPECT_EQ(found->cells, 3);
  EXPECT_NEAR(found->rmse, std::sqrt((4.0 + 0 + 4) / 3), 1e-12);
  EXPECT_NEAR(found->mae, 4.0 / 3, 1e-12);
  EXPECT_NEAR(found->mean_rmse, std::sqrt((9.0 + 4 + 25) / 3 - 100.0 / 9), 1e-12);
  EXPECT_EQ(found->target, "the value");
}

TEST_F(ReconstructTest, AsTheTrainingMadeThem) {
  auto found =
      Run({.family = "nmf", .fold_in = FoldIn::kNnls, .transform = ValueTransform::kLog1p}, R"({"aggregate":"max"})");
  ASSERT_TRUE(found.ok()) << found.status();
  const double a = std::log1p(2) - 1, b = std::log1p(2) - 2, c = std::log1p(5) - 3;
  EXPECT_NEAR(found->mae, (std::abs(a) + std::abs(b) + std::abs(c)) / 3, 1e-6);
  EXPECT_EQ(found->target, "ln(1 + value)");
  found = Run({.family = "als", .fold_in = FoldIn::kImplicit}, R"({"aggregate":3})");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_NEAR(found->mae, (0.0 + 1 + 2) / 3, 1e-12);
  EXPECT_THAT(found->target, HasSubstr("preference 1"));
}

TEST_F(ReconstructTest, SaysWhyNot) {
  EXPECT_THAT(Run({.family = "item2vec", .fold_in = FoldIn::kMean}).status().message(), HasSubstr("fold-in mean"));
  EXPECT_THAT(Run({.family = "svd", .metric = Metric::kCosine}).status().message(), HasSubstr("cosine"));
  EXPECT_THAT(Run({.family = "svd", .half_life_days = 3}).status().message(), HasSubstr("no times"));
  train_.user_ids = {"x", "y", "z"};
  EXPECT_THAT(Run({.family = "svd"}).status().message(), HasSubstr("none of the training file's"));
}

}  // namespace
}  // namespace kindred
