#include "core/solve/trait_projection.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace kindred {
namespace {

TEST(TraitProjectionTest, ShiftIsThatOfTheRequirements) {
  std::vector<double> e{-2, 0.5, 3};
  ShiftToPositive(e);
  EXPECT_NEAR(e[0], 1e-6, 1e-15);
  EXPECT_NEAR(e[1], 2.5 + 1e-6, 1e-12);
  EXPECT_NEAR(e[2], 5 + 1e-6, 1e-12);
}

TEST(TraitProjectionTest, AnEmbeddingOfTheConeGetsItsWeightsBack) {
  // Rows apart from one another and with a zero each, so that the shift changes nothing but 1e-6.
  const std::vector<float> basis{1, 0, 0, 2, 0, 3, 0, 0};
  const std::vector<float> average{0.5, 0.5};
  const auto projection = TraitProjection::Create(basis, 2, 4, average);
  ASSERT_TRUE(projection.ok()) << projection.status();
  const std::vector<double> e{0.75, 0.75, 0, 1.5};  // 0.75 · row 0 + 0.25 · row 1
  std::vector<float> p(2), u(2);
  TraitScratch scratch;
  projection->Profile(e, p, &scratch);
  EXPECT_NEAR(p[0], 0.75, 1e-5);
  EXPECT_NEAR(p[1], 0.25, 1e-5);
  projection->Query(p, u);
  // (p − p̄)H = 0.25 · (1, −3, 0, 2).
  EXPECT_NEAR(u[0], 0.25 / (0.25 * std::sqrt(14.0)), 1e-4);
  EXPECT_NEAR(u[1], -u[0], 1e-4);
}

TEST(TraitProjectionTest, ScoreIsTheCosineOfWhatSetsTheCustomerApart) {
  constexpr uint32_t kTraits = 5, kDim = 12;
  std::mt19937 generator(3);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::normal_distribution<float> normal;
  std::vector<float> basis(kTraits * kDim), average(kTraits, 1.0f / kTraits);
  for (float& value : basis) value = uniform(generator);
  const auto projection = TraitProjection::Create(basis, kTraits, kDim, average);
  ASSERT_TRUE(projection.ok()) << projection.status();
  TraitScratch scratch;
  for (int round = 0; round < 20; ++round) {
    std::vector<double> e(kDim), item(kDim), apart(kDim, 0.0);
    for (double& value : e) value = normal(generator);
    for (double& value : item) value = normal(generator);
    std::vector<float> p(kTraits), u(kTraits);
    projection->Profile(e, p, &scratch);
    float sum = 0;
    for (float value : p) {
      EXPECT_GE(value, 0);
      sum += value;
    }
    EXPECT_NEAR(sum, 1, 1e-3);
    projection->Query(p, u);
    double apart_norm = 0, item_norm = 0, cosine = 0, score = 0;
    for (uint32_t j = 0; j < kDim; ++j) {
      for (uint32_t t = 0; t < kTraits; ++t) apart[j] += (p[t] - average[t]) * basis[t * kDim + j];
      apart_norm += apart[j] * apart[j];
      item_norm += item[j] * item[j];
      cosine += apart[j] * item[j];
    }
    cosine /= std::sqrt(apart_norm * item_norm);
    for (uint32_t t = 0; t < kTraits; ++t) {
      double coordinate = 0;
      for (uint32_t j = 0; j < kDim; ++j) coordinate += item[j] / std::sqrt(item_norm) * basis[t * kDim + j];
      score += u[t] * coordinate;
    }
    EXPECT_NEAR(score, cosine, 1e-5);
  }
}

TEST(TraitProjectionTest, TheAverageAndWhatIsNotFiniteSayNothing) {
  const auto projection =
      TraitProjection::Create(std::vector<float>{1, 0, 0, 1}, 2, 2, std::vector<float>{0.25f, 0.75f});
  ASSERT_TRUE(projection.ok()) << projection.status();
  TraitScratch scratch;
  std::vector<float> p(2), u{1, 1};
  projection->Profile(std::vector<double>{std::numeric_limits<double>::quiet_NaN(), 1}, p, &scratch);
  EXPECT_EQ(p[0], 0.25f);
  EXPECT_EQ(p[1], 0.75f);
  projection->Query(p, u);
  EXPECT_EQ(u[0], 0);
  EXPECT_EQ(u[1], 0);
}

TEST(TraitProjectionTest, WrongShapesAndNumbersAreErrors) {
  EXPECT_FALSE(TraitProjection::Create(std::vector<float>{1, 2, 3}, 2, 2, std::vector<float>{0, 0}).ok());
  EXPECT_FALSE(TraitProjection::Create(std::vector<float>{1, 2}, 1, 2, std::vector<float>{0, 0}).ok());
  EXPECT_FALSE(TraitProjection::Create({}, 0, 0, {}).ok());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(TraitProjection::Create(std::vector<float>{1, nan}, 1, 2, std::vector<float>{0}).ok());
  EXPECT_FALSE(TraitProjection::Create(std::vector<float>{1, 2}, 1, 2, std::vector<float>{nan}).ok());
}

}  // namespace
}  // namespace kindred
