#include "core/solve/ridge.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace kindred {
namespace {

using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A pivot this small beside its diagonal entry is rounding noise of the Gram matrix, not information.
constexpr double kSmallestPivot = 1e-12;
// First shift tried, relative to the mean diagonal entry: it moves the solution inside the range of G by about 1e-10
// and lets rounding noise of b outside of it grow to about 1e-6 at most, both below what f32 vectors resolve well.
constexpr double kFirstShift = 1e-10;

bool Factor(const RowMatrix& gram, double shift, RowMatrix* lower) {
  RowMatrix shifted = gram;
  shifted.diagonal().array() += shift;
  Eigen::LLT<RowMatrix> llt(shifted);
  if (llt.info() != Eigen::Success) return false;
  *lower = llt.matrixL();
  for (Eigen::Index i = 0; i < shifted.rows(); ++i) {
    const double pivot = (*lower)(i, i);
    if (!(pivot * pivot > kSmallestPivot * shifted(i, i))) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<RidgeSolver> RidgeSolver::Create(std::span<const double> gram, uint32_t d, double lambda) {
  if (d == 0) return absl::InvalidArgumentError("ridge: dimension is 0, expected at least 1");
  if (gram.size() != uint64_t{d} * d) {
    return absl::InvalidArgumentError(
        absl::StrFormat("ridge: Gram matrix has %d values, expected %d × %d", gram.size(), d, d));
  }
  if (!std::isfinite(lambda) || lambda < 0) {
    return absl::InvalidArgumentError(absl::StrFormat("ridge: lambda is %g, expected a finite number >= 0", lambda));
  }
  const auto bad = std::find_if(gram.begin(), gram.end(), [](double value) { return !std::isfinite(value); });
  if (bad != gram.end()) {
    const uint64_t at = bad - gram.begin();
    return absl::InvalidArgumentError(absl::StrFormat(
        "ridge: Gram matrix has %g at row %d, column %d, expected a finite number", *bad, at / d, at % d));
  }

  RowMatrix matrix = Eigen::Map<const RowMatrix>(gram.data(), d, d);
  matrix.diagonal().array() += lambda;
  const double mean_diagonal = matrix.trace() / d;
  RidgeSolver solver;
  solver.d_ = d;
  RowMatrix lower;
  // An all-zero matrix has no scale of its own; any shift gives the right answer, zero, for the only b it allows.
  const double unit = mean_diagonal > 0 ? mean_diagonal : 1.0;
  while (!Factor(matrix, solver.shift_, &lower)) {
    solver.shift_ = solver.shift_ == 0 ? kFirstShift * unit : 10 * solver.shift_;
    if (!(solver.shift_ <= unit)) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "ridge: Gram matrix [%d × %d] is not positive semi-definite: no diagonal shift up to its mean "
          "diagonal entry %g lets it factor",
          d, d, mean_diagonal));
    }
  }
  solver.cholesky_.assign(lower.data(), lower.data() + lower.size());
  return solver;
}

void RidgeSolver::Solve(std::span<const double> b, std::span<double> u) const {
  std::copy_n(b.begin(), d_, u.begin());
  const Eigen::Map<const RowMatrix> lower(cholesky_.data(), d_, d_);
  Eigen::Map<Eigen::VectorXd> solution(u.data(), d_);
  lower.triangularView<Eigen::Lower>().solveInPlace(solution);
  lower.transpose().triangularView<Eigen::Upper>().solveInPlace(solution);
}

}  // namespace kindred
