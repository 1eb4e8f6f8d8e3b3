#include "trainer/evaluation/embedding_quality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::BundleBuilder;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::HasSubstr;

class EmbeddingQualityTest : public ::testing::Test {
 protected:
  // Items in the plane at 0°, 10°, 20°, … of a half circle; users on two axes.
  EmbeddingQualityTest() {
    BundleBuilder builder({.n_items = 19, .n_users = 14, .dim = 2});
    const auto items = builder.Get<float>("space.default.items");
    for (int i = 0; i < 19; ++i) {
      items[2 * i] = static_cast<float>((i + 1) * std::cos(i * M_PI / 18));
      items[2 * i + 1] = static_cast<float>((i + 1) * std::sin(i * M_PI / 18));
    }
    items[2 * 18] = items[2 * 18 + 1] = 0;
    const auto users = builder.Get<float>("space.default.users");
    for (int u = 0; u < 14; ++u) {
      users[2 * u] = u % 2 == 0 ? 1.0f + static_cast<float>(u) : 0.0f;
      users[2 * u + 1] = u % 2 == 0 ? 0.0f : 3.0f;
    }
    builder.WriteRaw(dir_.File("bundle"));
    auto model = Model::Load(dir_.File("bundle"));
    EXPECT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
  }

  absl::StatusOr<SimilarityFigures> Similarity(const std::string& csv) {
    WriteFile(dir_.File("pairs.csv"), csv);
    const auto pairs = ReadSimilarityPairs(dir_.File("pairs.csv"), {"a", "b", "expected"});
    if (!pairs.ok()) return pairs.status();
    return MeasureSimilarity(*model_, model_->default_space(), *pairs);
  }
  absl::StatusOr<SegmentFigures> Segments(const std::string& csv, uint32_t sample = 0) {
    WriteFile(dir_.File("segments.csv"), csv);
    const auto segments = ReadUserSegments(dir_.File("segments.csv"), {"user", "segment"});
    if (!segments.ok()) return segments.status();
    return MeasureSegments(*model_, model_->default_space(), *segments, sample, 42);
  }

  TempDir dir_;
  std::shared_ptr<const Model> model_;
};

TEST_F(EmbeddingQualityTest, SimilarityFollowsTheAngle) {
  const auto found = Similarity(
      "a,b,expected\nitem-0,item-1,0.9\nitem-0,item-5,0.5\nitem-3,item-15,0.1\nitem-2,item-4,0.8\nitem-7,item-17,0.2\n"
      "item-0,nobody,0.3\nitem-1,item-18,0.3\n");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->given, 7);
  EXPECT_EQ(found->unknown, 1);
  EXPECT_EQ(found->without_vector, 1);
  EXPECT_EQ(found->spearman.pairs, 5);
  EXPECT_DOUBLE_EQ(*found->spearman.rho, 1);
  const auto json = nlohmann::json::parse(EmbeddingQualityJson({.similarity = *found, .segments = std::nullopt}));
  EXPECT_EQ(json["similarity"]["spearman"], 1);
  EXPECT_EQ(json["similarity"]["unknown"], 1);
  EXPECT_FALSE(json.contains("segments"));
}

TEST_F(EmbeddingQualityTest, PairsThatSayNothingAreErrorsThatSayWhere) {
  EXPECT_THAT(std::string(Similarity("a,b,expected\nx,y,1\n").status().message()),
              HasSubstr("of 1 pairs none has two items with a vector"));
  EXPECT_THAT(std::string(Similarity("a,b,expected\nitem-1,item-2,near\n").status().message()),
              HasSubstr("line 2, column 'expected': found 'near', expected a number"));
  EXPECT_THAT(std::string(Similarity("a,b,other\nitem-1,item-2,1\n").status().message()), HasSubstr("expected"));
  EXPECT_EQ(Similarity("a,b,expected\n").status().code(), absl::StatusCode::kFailedPrecondition);
  WriteFile(dir_.File("pairs.csv"), "a,b,expected\nitem-1,item-2,1\n");
  auto pairs = ReadSimilarityPairs(dir_.File("pairs.csv"), {"a", "b", "expected"});
  pairs->kind = PairKind::kTokens;
  EXPECT_THAT(std::string(MeasureSimilarity(*model_, model_->default_space(), *pairs).status().message()),
              HasSubstr("has no token vectors"));
}

std::string Labelled(int users) {
  std::string csv = "user,segment\n";
  for (int u = 0; u < users; ++u) csv += "user-" + std::to_string(u) + (u % 2 == 0 ? ",even\n" : ",odd\n");
  return csv;
}

TEST_F(EmbeddingQualityTest, SegmentsThatAreTheirUsersDirections) {
  const auto found = Segments(Labelled(14) + "stranger,odd\nuser-3,\n");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_NEAR(found->silhouette.score, 1, 1e-9);
  EXPECT_EQ(found->silhouette.vectors, 14);
  EXPECT_EQ(found->given, 15);
  EXPECT_EQ(found->unknown, 1);
  EXPECT_EQ(Segments(Labelled(14), 12)->silhouette.vectors, 12);
}

TEST_F(EmbeddingQualityTest, SegmentsThatSayNothing) {
  EXPECT_THAT(std::string(Segments(Labelled(10)).status().message()), HasSubstr("more than 10 users"));
  EXPECT_THAT(std::string(Segments(Labelled(14) + "user-2,odd\n").status().message()),
              HasSubstr("line 16, column 'segment': user 'user-2' is in segment 'odd' here and in 'even' above"));
}

}  // namespace
}  // namespace kindred
