#include "trainer/linalg/procrustes.h"

#include <gtest/gtest.h>

#include <Eigen/QR>
#include <random>

namespace kindred {
namespace {

Eigen::MatrixXd Random(Eigen::Index rows, Eigen::Index cols, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  return Eigen::MatrixXd::NullaryExpr(rows, cols, [&] { return normal(generator); });
}

Eigen::MatrixXd RandomRotation(Eigen::Index d, uint32_t seed) {
  return Eigen::HouseholderQR<Eigen::MatrixXd>(Random(d, d, seed)).householderQ();
}

TEST(ProcrustesTest, FindsTheRotation) {
  const Eigen::MatrixXd before = Random(50, 7, 1), rotation = RandomRotation(7, 2);
  const Eigen::MatrixXd after = before * rotation.transpose();
  EXPECT_LT((ProcrustesRotation(after.transpose() * before) - rotation).norm(), 1e-12);
}

TEST(ProcrustesTest, NoRotationComesNearer) {
  const Eigen::MatrixXd before = Random(40, 5, 3), after = Random(40, 5, 4);
  const Eigen::MatrixXd best = ProcrustesRotation(after.transpose() * before);
  EXPECT_LT((best.transpose() * best - Eigen::MatrixXd::Identity(5, 5)).norm(), 1e-12);
  const double distance = (before - after * best).norm();
  for (uint32_t seed = 0; seed < 200; ++seed) {
    EXPECT_LE(distance, (before - after * RandomRotation(5, 100 + seed)).norm() + 1e-12);
  }
}

TEST(ProcrustesTest, RankDeficientIsStillARotation) {
  Eigen::MatrixXd before = Random(30, 6, 5);
  before.rightCols(3).setZero();
  const Eigen::MatrixXd rotation = ProcrustesRotation(before.transpose() * before);
  EXPECT_LT((rotation.transpose() * rotation - Eigen::MatrixXd::Identity(6, 6)).norm(), 1e-12);
  EXPECT_LT((before - before * rotation).norm(), 1e-10);
}

}  // namespace
}  // namespace kindred
