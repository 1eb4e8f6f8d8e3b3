#include "trainer/evaluation/row_drift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace kindred {
namespace {

std::vector<float> RandomRows(uint32_t rows, uint32_t dim, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(size_t{rows} * dim);
  for (float& x : out) x = normal(generator);
  return out;
}

std::vector<RowPair> Same(uint32_t rows) {
  std::vector<RowPair> out;
  for (uint32_t row = 0; row < rows; ++row) out.push_back({row, row});
  return out;
}

TEST(RowDriftTest, TheSameRowsDidNotMove) {
  const auto rows = RandomRows(3'000, 12, 1);  // several blocks
  const RowDrift drift = CompareRows({rows, 12}, {rows, 12}, Same(3'000), 5);
  EXPECT_EQ(drift.compared, 3'000);
  EXPECT_EQ(drift.raw.mean, 0);
  EXPECT_EQ(drift.raw.max, 0);
  ASSERT_TRUE(drift.aligned);
  EXPECT_EQ(drift.aligned->mean, 0);
  EXPECT_EQ(drift.aligned->max, 0);
}

TEST(RowDriftTest, ARotationAndOtherLengthsAreNoDriftOnceAligned) {
  const auto before = RandomRows(500, 2, 2);
  std::vector<float> after(before.size());
  for (uint32_t row = 0; row < 500; ++row) {
    const float length = 1 + static_cast<float>(row);
    after[2 * row] = length * before[2 * row + 1];
    after[2 * row + 1] = -length * before[2 * row];
  }
  const RowDrift drift = CompareRows({before, 2}, {after, 2}, Same(500), 5);
  EXPECT_NEAR(drift.raw.mean, 1, 1e-6);  // a quarter turn
  EXPECT_NEAR(drift.aligned->max, 0, 1e-9);
}

TEST(RowDriftTest, NamesTheRowThatMoved) {
  const auto before = RandomRows(400, 6, 3);
  auto after = before;
  for (uint32_t j = 0; j < 6; ++j) after[17 * 6 + j] = -after[17 * 6 + j];
  const RowDrift drift = CompareRows({before, 6}, {after, 6}, Same(400), 2);
  ASSERT_EQ(drift.worst.size(), 2);
  EXPECT_EQ(drift.worst[0].row.before, 17);
  EXPECT_NEAR(drift.worst[0].distance, 2, 0.05);
  EXPECT_NEAR(drift.raw.mean, 2.0 / 400, 1e-6);
  EXPECT_NEAR(drift.raw.max, 2, 1e-12);
  EXPECT_LE(drift.aligned->mean, drift.raw.mean + 1e-12);  // of all rotations the one with the smallest mean
}

TEST(RowDriftTest, RowsOfZeros) {
  const std::vector<float> before = {1, 0, 0, 0, 0, 1, 0, 0}, after = {1, 0, 0, 1, 0, 0, 0, 0};
  const RowDrift drift = CompareRows({before, 2}, {after, 2}, Same(4), 9);
  EXPECT_EQ(drift.compared, 3);
  EXPECT_EQ(drift.without_vector, 1);
  EXPECT_NEAR(drift.raw.mean, 2.0 / 3, 1e-12);
  EXPECT_EQ(drift.worst.size(), 3);
}

TEST(RowDriftTest, WiderRowsThatSayTheSame) {
  const auto before = RandomRows(300, 4, 5);
  std::vector<float> after(300 * 7, 0.0f);
  for (uint32_t row = 0; row < 300; ++row) {
    for (uint32_t j = 0; j < 4; ++j) after[row * 7 + 6 - j] = before[row * 4 + j];
  }
  const RowDrift drift = CompareRows({before, 4}, {after, 7}, Same(300), 1);
  EXPECT_GT(drift.raw.mean, 0.5);
  EXPECT_NEAR(drift.aligned->max, 0, 1e-9);
}

TEST(RowDriftTest, VeryWideRowsAreNotAligned) {
  const uint32_t dim = kMaxAlignedDim + 1;
  const auto rows = RandomRows(3, dim, 6);
  const RowDrift drift = CompareRows({rows, dim}, {rows, dim}, Same(3), 1);
  EXPECT_FALSE(drift.aligned);
  EXPECT_EQ(drift.raw.mean, 0);
}

TEST(RowDriftTest, PairsMayBeElsewhereAndNone) {
  const std::vector<float> before = {1, 0, 0, 1}, after = {0, 1, 1, 0};
  const std::vector<RowPair> crossed = {{0, 1}, {1, 0}};
  EXPECT_EQ(CompareRows({before, 2}, {after, 2}, crossed, 1).raw.max, 0);
  EXPECT_EQ(CompareRows({before, 2}, {after, 2}, {}, 1).compared, 0);
}

// Two rows of three columns each; the new one has columns 0 and 2 renamed to 1 and 0, and column 1 is gone.
TEST(SparseRowDriftTest, ColumnsAreRenamed) {
  const std::vector<int64_t> before_offsets = {0, 2, 3}, after_offsets = {0, 2, 2};
  const std::vector<uint32_t> before_values = {0, 2, 1}, after_values = {0, 1};
  const std::vector<float> before_weights = {3, 4, 5}, after_weights = {8, 6};
  const RowsView before{before_offsets, before_values, before_weights};
  const RowsView after{after_offsets, after_values, after_weights};
  const std::vector<uint32_t> columns = {1, kNoSuchColumn, 0};
  const std::vector<RowPair> first = {{0, 0}}, both = {{0, 0}, {1, 1}};
  EXPECT_NEAR(CompareSparseRows(before, after, columns, first, 1).raw.max, 0, 1e-12);
  const RowDrift drift = CompareSparseRows(before, after, columns, both, 1);
  EXPECT_EQ(drift.compared, 2);
  EXPECT_NEAR(drift.raw.mean, 0.5, 1e-12);  // the second lost its vector
  EXPECT_EQ(drift.worst[0].row.before, 1);
  // By their places 3·8 + 0·6 + 4·0 of 5·10.
  EXPECT_NEAR(CompareSparseRows(before, after, {}, first, 1).raw.max, 1 - 24.0 / 50, 1e-6);
}

}  // namespace
}  // namespace kindred
