#include "trainer/linalg/float_matrix.h"

#include <gtest/gtest.h>

#include "tests/unit/trainer/linalg/random_matrix.h"
#include "trainer/linalg/vector_kernel_table.h"

namespace kindred {
namespace {

// Every width takes another path through the kernels.
constexpr int64_t kWidths[] = {1, 7, 8, 13, 16, 30, 50, 64, 70, 130};

TEST(FloatMatrixTest, SparseProductIsThatOfDoubles) {
  const SparseMatrix a = RandomSparse(300, 200, 0.1, 1);
  const FloatSparse narrow(a);
  for (const int64_t k : kWidths) {
    const DenseMatrix x = RandomDense(200, k, 2);
    const FloatMatrix y = Multiply(narrow, ToFloatMatrix(x), 2);
    EXPECT_TRUE(ToDenseMatrix(y).isApprox(Multiply(a, x, 1), 1e-6)) << k;
    for (int64_t j = k; j < y.stride; ++j) EXPECT_EQ(y.Row(299)[j], 0) << k;
  }
}

TEST(FloatMatrixTest, CrossGramAndRotatedAreThoseOfDoubles) {
  for (const int64_t k : kWidths) {
    const DenseMatrix x = RandomDense(5000, k, 3), y = RandomDense(5000, 21, 4), w = RandomDense(k, 21, 5);
    const FloatMatrix narrow = ToFloatMatrix(x);
    FloatMatrix out = ToFloatMatrix(y);
    EXPECT_TRUE(Cross(narrow, out, 2).isApprox(x.transpose() * y, 1e-5)) << k;
    const Eigen::MatrixXd gram = Gram(narrow, 2);
    EXPECT_TRUE(gram.isApprox(x.transpose() * x, 1e-5)) << k;
    EXPECT_EQ(gram, gram.transpose()) << k;
    AddRotated(narrow, w, 1, 2, &out);
    EXPECT_TRUE(ToDenseMatrix(out).isApprox(y + x * w, 1e-5)) << k;
    AddRotated(narrow, w, 0, 2, &out);
    EXPECT_TRUE(ToDenseMatrix(out).isApprox(x * w, 1e-5)) << k;
  }
}

TEST(FloatMatrixTest, SameBitsAtAnyThreadCount) {
  const SparseMatrix a = RandomSparse(3000, 900, 0.05, 1);
  const FloatSparse narrow(a);
  const FloatMatrix x = ToFloatMatrix(RandomDense(900, 20, 2));
  const FloatMatrix one = Multiply(narrow, x, 1), many = Multiply(narrow, x, 3);
  EXPECT_EQ(std::memcmp(one.data.data(), many.data.data(), one.data.size_bytes()), 0);
  EXPECT_EQ(Gram(one, 1), Gram(one, 3));
}

TEST(BalancedBlocksTest, CoverAllRowsAndSplitByWork) {
  const std::vector<int64_t> offsets{0, 100, 100, 103, 103, 110, 210};
  EXPECT_EQ(BalancedBlocks(offsets.data(), 6, 1, 20), (std::vector<int64_t>{0, 1, 5, 6}));
  EXPECT_EQ(BalancedBlocks(offsets.data(), 6, 1, 1'000'000), (std::vector<int64_t>{0, 6}));
  EXPECT_EQ(BalancedBlocks(offsets.data(), 0, 1, 10), (std::vector<int64_t>{0, 0}));
}

TEST(VectorKernelsTest, InstructionSetsAgree) {
  const VectorKernelTable& baseline = BaselineVectorKernels();
  const VectorKernelTable* avx2 = Avx2VectorKernels();
  if (avx2 == nullptr) GTEST_SKIP() << "this machine has no AVX2";
  for (const int64_t k : kWidths) {
    const FloatMatrix y = ToFloatMatrix(RandomDense(40, k, 6));
    FloatMatrix gram = ToFloatMatrix(DenseMatrix(Gram(y, 1)));
    FloatMatrix padded(gram.stride, gram.cols);
    std::memcpy(padded.data.data(), gram.data.data(), gram.data.size_bytes());
    const std::vector<uint32_t> items{3, 9, 11, 20, 21, 39};
    const std::vector<float> extra{1, 2, 0.5, 3, 1, 4};
    FloatMatrix one(1, k), other(1, k), scratch(3, k);
    const RowFit a = baseline.implicit_cg_row(items.data(), extra.data(), 6, y.data.data(), padded.data.data(),
                                              y.stride, 3, scratch.data.data(), one.data.data());
    const RowFit b = avx2->implicit_cg_row(items.data(), extra.data(), 6, y.data.data(), padded.data.data(), y.stride,
                                           3, scratch.data.data(), other.data.data());
    EXPECT_NEAR(a.before, 17.5, 1e-5) << "x = 0: the sum of 1 + extra";
    EXPECT_NEAR(a.after, b.after, 1e-3 * a.before) << k;
    EXPECT_TRUE(ToDenseMatrix(one).isApprox(ToDenseMatrix(other), 1e-3)) << k;
  }
}

}  // namespace
}  // namespace kindred
