#include "core/solve/active_set_cholesky.h"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <random>
#include <vector>

namespace kindred {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

Matrix RandomMatrix(int rows, int columns, std::mt19937_64* random) {
  std::normal_distribution<double> normal;
  return Matrix::NullaryExpr(rows, columns, [&] { return normal(*random); });
}

// Solution and gradient as a factorization from scratch gives them.
void ExpectFresh(const Matrix& gram, const Vector& b, ActiveSetCholesky* state) {
  const uint32_t p = state->size();
  Matrix passive(p, p);
  Vector rhs(p);
  for (uint32_t i = 0; i < p; ++i) {
    rhs[i] = b[state->passive()[i]];
    for (uint32_t j = 0; j < p; ++j) passive(i, j) = gram(state->passive()[i], state->passive()[j]);
  }
  const Vector expected = passive.llt().solve(rhs);
  const double* z = state->Solve();
  Vector gradient = b;
  for (uint32_t i = 0; i < p; ++i) {
    ASSERT_NEAR(z[i], expected[i], 1e-9 * (1 + std::abs(expected[i])));
    gradient -= expected[i] * gram.col(state->passive()[i]);
  }
  for (uint32_t j = 0; j < gram.rows(); ++j) ASSERT_NEAR(state->gradient()[j], gradient[j], 1e-9);
}

TEST(ActiveSetCholeskyTest, RandomChangesAgreeWithFactoringAfresh) {
  std::mt19937_64 random(3);
  for (const uint32_t k : {1u, 2u, 3u, 8u, 17u, 33u}) {
    Matrix h = RandomMatrix(2 * k, k, &random);
    for (uint32_t j = 0; j < k; ++j) h.col(j).normalize();
    const Matrix gram = h.transpose() * h;
    const Vector b = h.transpose() * RandomMatrix(2 * k, 1, &random);
    std::vector<double> buffer(ActiveSetCholesky::BufferSize(k));
    std::vector<uint32_t> passive(k);
    std::vector<bool> in(k, false);
    ActiveSetCholesky state(gram.data(), k, b.data(), buffer.data(), passive.data());
    for (int change = 0; change < 300; ++change) {
      SCOPED_TRACE(::testing::Message() << "k " << k << ", change " << change);
      const uint32_t j = random() % k;
      if (!in[j]) {
        ASSERT_TRUE(state.Append(j));
        ASSERT_EQ(state.passive()[state.size() - 1], j);
      } else {
        uint32_t position = 0;
        while (state.passive()[position] != j) ++position;
        state.Remove(position);
      }
      in[j] = !in[j];
      ExpectFresh(gram, b, &state);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(ActiveSetCholeskyTest, RejectsACombinationAndChangesNothing) {
  std::mt19937_64 random(4);
  Matrix h = RandomMatrix(10, 4, &random);
  h.col(3) = 0.5 * h.col(0) + 0.25 * h.col(1);
  const Matrix gram = h.transpose() * h;
  const Vector b = h.transpose() * RandomMatrix(10, 1, &random);
  std::vector<double> buffer(ActiveSetCholesky::BufferSize(4));
  std::vector<uint32_t> passive(4);
  ActiveSetCholesky state(gram.data(), 4, b.data(), buffer.data(), passive.data());
  ASSERT_TRUE(state.Append(0));
  ASSERT_TRUE(state.Append(1));
  EXPECT_FALSE(state.Append(3));
  EXPECT_EQ(state.size(), 2u);
  ExpectFresh(gram, b, &state);
  EXPECT_TRUE(state.Append(2));
  ExpectFresh(gram, b, &state);
}

TEST(ActiveSetCholeskyTest, RefiningRemovesAnErrorOfTheRightHandSide) {
  std::mt19937_64 random(5);
  const uint32_t k = 6;
  const Matrix h = RandomMatrix(12, k, &random);
  const Matrix gram = h.transpose() * h;
  const Vector b = h.transpose() * RandomMatrix(12, 1, &random);
  const Vector wrong = b + 1e-3 * RandomMatrix(k, 1, &random);
  std::vector<double> buffer(ActiveSetCholesky::BufferSize(k));
  std::vector<uint32_t> passive(k);
  ActiveSetCholesky state(gram.data(), k, wrong.data(), buffer.data(), passive.data());
  for (const uint32_t j : {4u, 0u, 2u}) ASSERT_TRUE(state.Append(j));
  Vector gradient = b;
  const double* z = state.Solve();
  for (uint32_t i = 0; i < 3; ++i) gradient -= z[i] * gram.col(state.passive()[i]);
  state.Refine(gradient.data());
  ExpectFresh(gram, b, &state);
}

}  // namespace
}  // namespace kindred
