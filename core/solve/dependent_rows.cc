#include "core/solve/dependent_rows.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "core/solve/vector_ops.h"

namespace kindred {
namespace {

// Rows whose sine is below this are in the span as far as doubles can say.
constexpr double kInSpan = 1e-14;

}  // namespace

bool DependentRowHelps(const double* h, const double* gram, const double* norms, uint32_t k, uint32_t d,
                       const double* v, const double* residual, double threshold, const ActiveSetCholesky& state,
                       double* direction, double* coefficients) {
  const uint32_t* passive = state.passive();
  for (uint32_t j = 0; j < k; ++j) {
    if (v[j] > 0 || norms[j] == 0) continue;
    if (state.SquaredDistance(j) > kDependentRow * gram[size_t{j} * k + j]) continue;
    // Row j less its projection; projected twice, since once leaves as much of the span as the Gram matrix has noise.
    std::copy_n(h + size_t{j} * d, d, direction);
    for (int pass = 0; pass < 2; ++pass) {
      for (uint32_t i = 0; i < state.size(); ++i) coefficients[i] = Dot(h + size_t{passive[i]} * d, direction, d);
      state.SolveNormal(coefficients);
      for (uint32_t i = 0; i < state.size(); ++i) AddScaled(-coefficients[i], h + size_t{passive[i]} * d, direction, d);
    }
    const double length = std::sqrt(Dot(direction, direction, d));
    if (length > kInSpan * norms[j] && Dot(direction, residual, d) > threshold * length) return true;
  }
  return false;
}

bool HasDependentRows(const double* gram, uint32_t k) {
  // A zero row takes no part: its diagonal is set to 1.
  Eigen::MatrixXd matrix = Eigen::Map<const Eigen::MatrixXd>(gram, k, k);
  for (uint32_t j = 0; j < k; ++j) {
    if (matrix(j, j) == 0) matrix(j, j) = 1;
  }
  const Eigen::LLT<Eigen::MatrixXd> llt(matrix);
  if (llt.info() != Eigen::Success) return true;
  // The squared distance of row j from the span of all others is 1/(G⁻¹)_jj; fewer others are no closer.
  const Eigen::MatrixXd inverse = llt.solve(Eigen::MatrixXd::Identity(k, k));
  for (uint32_t j = 0; j < k; ++j) {
    if (!(inverse(j, j) * matrix(j, j) * kDependentRow < 1)) return true;
  }
  return false;
}

}  // namespace kindred
