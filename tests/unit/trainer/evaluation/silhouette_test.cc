#include "trainer/evaluation/silhouette.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace kindred {
namespace {

using Vectors = std::vector<std::vector<float>>;

absl::StatusOr<Silhouette> Of(const Vectors& vectors, const std::vector<uint32_t>& labels, uint32_t segments) {
  return CosineSilhouette(labels, segments, static_cast<uint32_t>(vectors[0].size()),
                          [&](size_t i) { return std::span<const float>(vectors[i]); });
}

const Vectors kVectors = {{1, 0, 0},    {0.9f, 0.1f, 0}, {0.8f, 0, 0.3f},    {1, 0.2f, 0.1f},
                          {0, 1, 0},    {0.1f, 1, 0.2f}, {0, 0.7f, 0.1f},    {0.3f, 1, 0},
                          {0, 0.1f, 1}, {0.2f, 0, 1},    {0.5f, 0.5f, 0.6f}, {0, 0, 2}};

// scikit-learn 1.5.2: silhouette_score(vectors, labels, metric="cosine"); the last segment has one vector alone.
TEST(SilhouetteTest, AgreesWithScikitLearn) {
  const auto found = Of(kVectors, {0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3}, 5);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_NEAR(found->score, 0.24955308809212196, 1e-7);  // of 32-bit vectors
  EXPECT_EQ(found->segments, 4);
  EXPECT_EQ(found->vectors, 12);
}

TEST(SilhouetteTest, SeparateDirectionsReachOne) {
  Vectors vectors;
  std::vector<uint32_t> labels;
  for (uint32_t i = 0; i < 12; ++i) {
    vectors.push_back({i % 2 == 0 ? 1.0f + static_cast<float>(i) : 0, i % 2 == 0 ? 0 : 2.0f});
    labels.push_back(i % 2);
  }
  EXPECT_NEAR(Of(vectors, labels, 2)->score, 1, 1e-12);
}

TEST(SilhouetteTest, TooLittleSaysWhatIsMissing) {
  const Vectors ten(kVectors.begin(), kVectors.begin() + 10);
  const auto few = Of(ten, {0, 0, 0, 0, 0, 1, 1, 1, 1, 1}, 2);
  EXPECT_EQ(few.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(few.status().message()), ::testing::HasSubstr("more than 10 users in at least 2 segments"));
  EXPECT_FALSE(Of(kVectors, std::vector<uint32_t>(12, 0), 3).ok());
  EXPECT_FALSE(Of(kVectors, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 12).ok());
}

}  // namespace
}  // namespace kindred
