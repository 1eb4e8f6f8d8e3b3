#include "trainer/linalg/sparse_ops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/unit/trainer/linalg/random_matrix.h"

namespace kindred {
namespace {

// x·y / (‖x‖^2α ‖y‖^2(1−α) + s) of every pair, written down.
Eigen::MatrixXd Naive(const SparseMatrix& a, const SparseMatrix& b, double alpha, double shrinkage) {
  const Eigen::MatrixXd x = Dense(a), y = Dense(b);
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(a.rows, b.rows);
  for (int64_t i = 0; i < out.rows(); ++i) {
    for (int64_t j = 0; j < out.cols(); ++j) {
      const double nx = x.row(i).norm(), ny = y.row(j).norm();
      if (nx == 0 || ny == 0) continue;
      out(i, j) = x.row(i).dot(y.row(j)) / (std::pow(nx, 2 * alpha) * std::pow(ny, 2 * (1 - alpha)) + shrinkage);
    }
  }
  return out;
}

void ExpectSame(const SparseMatrix& a, const SparseMatrix& b) {
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.cols, b.cols);
  EXPECT_EQ(a.offsets, b.offsets);
  EXPECT_EQ(a.indices, b.indices);
  EXPECT_EQ(a.values, b.values);
}

TEST(SparseOpsTest, DenseToSparseAndBack) {
  Eigen::MatrixXd x = RandomDense(7, 5, 1);
  x.row(3).setZero();
  x(0, 4) = 0;
  const SparseMatrix a = FromDense(x);
  EXPECT_EQ(Dense(a), x);
  EXPECT_EQ(a.nnz(), 29);
}

TEST(SparseOpsTest, NormalizedRowsHaveLengthOneAndZeroRowsStayZero) {
  DenseMatrix x = RandomDense(6, 4, 2);
  x.row(2).setZero();
  x.row(3) *= 1e200;   // whose square is no double
  x.row(4) *= 1e-200;  // whose square is zero
  const SparseMatrix a = FromDense(x), unit = NormalizedRows(a);
  const std::vector<double> norms = RowNorms(unit);
  for (uint32_t row = 0; row < 6; ++row) EXPECT_NEAR(norms[row], row == 2 ? 0 : 1, 1e-15) << row;
  EXPECT_EQ(unit.indices, a.indices);
  EXPECT_NEAR(RowNorms(a)[3] / 1e200, (x.row(3) / 1e200).norm(), 1e-12);
}

TEST(SparseOpsTest, AZeroThatIsWrittenDownStaysZero) {
  SparseMatrix a{.rows = 1, .cols = 2, .offsets = {0, 2}, .indices = {0, 1}, .values = {0, 0}};
  EXPECT_EQ(NormalizedRows(a).values, (std::vector<double>{0, 0}));
  EXPECT_EQ(CosineSimilarity(a, a, {}).nnz(), 0);
}

TEST(SparseOpsTest, StackedColumns) {
  const SparseMatrix blocks[] = {RandomSparse(9, 4, 0.4, 3), RandomSparse(9, 1, 0.5, 4), RandomSparse(9, 6, 0.2, 5)};
  const SparseMatrix stacked = StackColumns(blocks);
  Eigen::MatrixXd expected(9, 11);
  expected << Dense(blocks[0]), Dense(blocks[1]), Dense(blocks[2]);
  EXPECT_EQ(Dense(stacked), expected);
}

TEST(SparseOpsTest, LimitedRowsKeepTheStrongestAndOfEqualsTheFirst) {
  const SparseMatrix a{
      .rows = 2, .cols = 5, .offsets = {0, 5, 7}, .indices = {0, 1, 2, 3, 4, 1, 3}, .values = {1, -3, 2, 2, 2, 1, 1}};
  const SparseMatrix limited = LimitRows(a, 3);
  EXPECT_EQ(limited.indices, (std::vector<uint32_t>{1, 2, 3, 1, 3}));
  EXPECT_EQ(limited.values, (std::vector<double>{-3, 2, 2, 1, 1}));
  ExpectSame(LimitRows(a, 0), a);
  EXPECT_EQ(ScaledRows(a, std::vector<double>{2, -1}).values, (std::vector<double>{2, -6, 4, 4, 4, -1, -1}));
}

TEST(CosineSimilarityTest, OfTwoMatricesMatchesTheDefinition) {
  const SparseMatrix a = RandomSparse(70, 40, 0.1, 6), b = RandomSparse(90, 40, 0.15, 7);
  for (const auto& [alpha, shrinkage] : {std::pair(0.5, 0.0), {0.5, 10.0}, {0.8, 0.0}, {0.2, 3.0}, {1.0, 1.0}}) {
    const SparseMatrix s = CosineSimilarity(a, b, {.shrinkage = shrinkage, .asymmetry = alpha, .batch_rows = 16});
    EXPECT_TRUE(Dense(s).isApprox(Naive(a, b, alpha, shrinkage), 1e-12)) << alpha << " " << shrinkage;
  }
}

TEST(CosineSimilarityTest, OfAMatrixWithItselfIsSymmetricWithOnesOrNothingOnTheDiagonal) {
  SparseMatrix a = RandomSparse(60, 30, 0.1, 8);
  const Eigen::MatrixXd s = Dense(CosineSimilarity(a, a, {}));
  EXPECT_EQ(s, Eigen::MatrixXd(s.transpose())) << "to the last bit";
  const std::vector<double> norms = RowNorms(a);
  for (uint32_t i = 0; i < a.rows; ++i) EXPECT_NEAR(s(i, i), norms[i] > 0 ? 1 : 0, 1e-14);
  const Eigen::MatrixXd off = Dense(CosineSimilarity(a, a, {.diagonal = false}));
  EXPECT_TRUE(off.diagonal().isZero(0));
  EXPECT_EQ(off, Eigen::MatrixXd(s - Eigen::MatrixXd(s.diagonal().asDiagonal())));
}

TEST(CosineSimilarityTest, KeepsTheLargestOfEachRow) {
  const SparseMatrix a = RandomSparse(80, 25, 0.2, 9);
  const Eigen::MatrixXd all = Naive(a, a, 0.5, 0);
  const SparseMatrix top = CosineSimilarity(a, a, {.top_n = 7, .diagonal = false});
  for (uint32_t i = 0; i < a.rows; ++i) {
    std::vector<double> values;
    for (uint32_t j = 0; j < a.rows; ++j) {
      if (j != i && all(i, j) > 0) values.push_back(all(i, j));
    }
    std::sort(values.rbegin(), values.rend());
    values.resize(std::min<size_t>(values.size(), 7));
    std::vector<double> found(top.RowValues(i).begin(), top.RowValues(i).end());
    EXPECT_TRUE(std::is_sorted(top.RowIndices(i).begin(), top.RowIndices(i).end()));
    std::sort(found.rbegin(), found.rend());
    ASSERT_EQ(found.size(), values.size());
    for (size_t k = 0; k < values.size(); ++k) EXPECT_NEAR(found[k], values[k], 1e-12);
  }
}

TEST(CosineSimilarityTest, OfEqualValuesTheFirstColumnsAreKept) {
  SparseMatrix a;  // ten rows that are all alike
  a.rows = 10;
  a.cols = 1;
  for (int i = 0; i < 10; ++i) {
    a.indices.push_back(0);
    a.values.push_back(2.5);
    a.offsets.push_back(a.nnz());
  }
  const SparseMatrix top = CosineSimilarity(a, a, {.top_n = 3, .diagonal = false});
  EXPECT_EQ(std::vector<uint32_t>(top.RowIndices(9).begin(), top.RowIndices(9).end()),
            (std::vector<uint32_t>{0, 1, 2}));
  EXPECT_EQ(std::vector<uint32_t>(top.RowIndices(1).begin(), top.RowIndices(1).end()),
            (std::vector<uint32_t>{0, 2, 3}));
}

TEST(CosineSimilarityTest, NegativeValuesAreKeptWhenAsked) {
  DenseMatrix x(2, 2);
  x << 1, 0, -1, 0;
  EXPECT_EQ(CosineSimilarity(FromDense(x), FromDense(x), {.diagonal = false}).nnz(), 0);
  const SparseMatrix s = CosineSimilarity(FromDense(x), FromDense(x), {.positive = false, .diagonal = false});
  EXPECT_EQ(s.values, (std::vector<double>{-1, -1}));
}

TEST(CosineSimilarityTest, SameBitsAtAnyThreadCountAndBatchSize) {
  const SparseMatrix a = RandomSparse(500, 60, 0.1, 10);
  const SparseMatrix one = CosineSimilarity(a, a, {.top_n = 9, .shrinkage = 2});
  for (const int threads : {2, 5}) {
    for (const int64_t batch : {1, 77, 10'000}) {
      ExpectSame(CosineSimilarity(a, a, {.top_n = 9, .shrinkage = 2, .threads = threads, .batch_rows = batch}), one);
    }
  }
}

TEST(CosineSimilarityTest, BatchesComeInOrderAndCoverTheRows) {
  const SparseMatrix users = RandomSparse(25, 12, 0.3, 11), items = RandomSparse(8, 12, 0.3, 12);
  std::vector<int64_t> first, done;
  Eigen::MatrixXd joined = Eigen::MatrixXd::Zero(25, 8);
  SimilarityOptions options{.batch_rows = 10};
  options.progress = [&](int64_t rows) { done.push_back(rows); };
  SimilarityBatches(users, items, options, [&](int64_t row, const SparseMatrix& block) {
    first.push_back(row);
    joined.middleRows(row, block.rows) = Dense(block);
  });
  EXPECT_EQ(first, (std::vector<int64_t>{0, 10, 20}));
  EXPECT_EQ(done, (std::vector<int64_t>{10, 20, 25}));
  EXPECT_TRUE(joined.isApprox(Naive(users, items, 0.5, 0), 1e-12));
}

TEST(CosineSimilarityTest, NothingToCompare) {
  SparseMatrix none;
  none.cols = 3;
  EXPECT_EQ(CosineSimilarity(none, none, {}).offsets, std::vector<int64_t>{0});
  SparseMatrix empty_rows{.rows = 2, .cols = 3, .offsets = {0, 0, 0}, .indices = {}, .values = {}};
  EXPECT_EQ(CosineSimilarity(empty_rows, empty_rows, {}).offsets, (std::vector<int64_t>{0, 0, 0}));
}

}  // namespace
}  // namespace kindred
