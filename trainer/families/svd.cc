#include "trainer/families/svd.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "trainer/linalg/block_lanczos.h"

namespace kindred {
namespace {

// A singular value below this share of the largest is rounding, not data: the Rayleigh-Ritz step sees its square.
constexpr double kRankTolerance = 1e-7;
// Fourth powers of singular values must stay well inside a double.
constexpr double kSmallestSquare = 1e-120, kLargestSquare = 1e120;

// Block Krylov runs in 32-bit floats where the matrix is large enough for that to matter and the tolerance allows it;
// what comes after it is done in doubles either way.
constexpr uint32_t kLeastForFloats = 512;
constexpr double kFloatTolerance = 1e-6;

// Each column of v gets its largest-magnitude element (the first of equals) positive; u turns with it.
void FixSigns(DenseMatrix* v, DenseMatrix* u) {
  for (int64_t j = 0; j < v->cols(); ++j) {
    int64_t at = 0;
    v->col(j).cwiseAbs().maxCoeff(&at);
    if ((*v)(at, j) >= 0) continue;
    v->col(j) *= -1;
    u->col(j) *= -1;
  }
}

absl::Status CheckInput(const SparseMatrix& r, const SvdOptions& options) {
  if (options.factors == 0) return absl::InvalidArgumentError("factors is 0, expected at least 1");
  if (std::min(r.rows, r.cols) < 2) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the interaction matrix is too small: %d users × %d items; a truncated SVD needs at least 2 of each. Give more "
        "interactions, or loosen the minimum interactions per user and item",
        r.rows, r.cols));
  }
  for (double value : r.values) {
    if (!std::isfinite(value))
      return absl::InvalidArgumentError("the interaction matrix holds a value that is not finite");
  }
  const double squared_norm = SquaredNorm(r);
  if (squared_norm == 0) return absl::InvalidArgumentError("every value of the interaction matrix is 0");
  if (!(squared_norm > kSmallestSquare && squared_norm < kLargestSquare)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the values of the interaction matrix are too %s (their norm is %g); scale them, or take "
                        "--transform log1p",
                        squared_norm > 1 ? "large" : "small", std::sqrt(squared_norm)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SvdResult> TruncatedSvd(const SparseMatrix& r, const SvdOptions& options, Progress* progress) {
  RETURN_IF_ERROR(CheckInput(r, options));
  const uint32_t smaller = std::min(r.rows, r.cols);
  SvdResult result;
  uint32_t k = options.factors;
  if (k >= smaller) {
    k = smaller - 1;
    result.reduced = absl::StrFormat(
        "%d factors asked for, %d taken: the matrix is %d users × %d items and carries at "
        "most min − 1",
        options.factors, k, r.rows, r.cols);
  }
  // The operator on the smaller side; its eigenvectors are the singular vectors of that side.
  const SparseMatrix rt = Transpose(r);
  const bool by_items = r.cols <= r.rows;
  const SparseMatrix& inner = by_items ? r : rt;
  const SparseMatrix& outer = by_items ? rt : r;
  progress->Begin("singular value decomposition", options.max_iterations, "iterations");
  LanczosOptions lanczos{.wanted = k,
                         .max_iterations = options.max_iterations,
                         .tolerance = options.tolerance,
                         .seed = options.seed,
                         .threads = options.threads};
  lanczos.progress = [&](uint32_t iteration, double residual) {
    progress->Update(iteration, absl::StrFormat("residual %.1e", residual));
  };
  const bool in_floats = smaller >= kLeastForFloats && options.tolerance >= kFloatTolerance;
  LanczosResult pairs;
  if (in_floats) {
    const FloatSparse narrow_inner(inner), narrow_outer(outer);
    const FloatBlockOperator apply = [&](const FloatMatrix& x) {
      return Multiply(narrow_outer, Multiply(narrow_inner, x, options.threads), options.threads);
    };
    ASSIGN_OR_RETURN(pairs, LargestEigenpairs(apply, smaller, lanczos));
    Orthonormalize(0, options.threads, &pairs.vectors);
  } else {
    const BlockOperator apply = [&](const DenseMatrix& x) {
      return Multiply(outer, Multiply(inner, x, options.threads), options.threads);
    };
    ASSIGN_OR_RETURN(pairs, LargestEigenpairs(apply, smaller, lanczos));
  }
  result.iterations = pairs.iterations;
  result.converged = pairs.converged;
  result.residual = pairs.residual;

  // Squares hide small singular values: what is below the tolerance is left out before the last step, which works with
  // R itself, on an orthonormal basis of the item side.
  int64_t sound = 0;
  while (sound < pairs.vectors.cols() && pairs.values(sound) > kRankTolerance * kRankTolerance * pairs.values(0))
    ++sound;
  DenseMatrix basis = pairs.vectors.leftCols(sound);
  if (!by_items) {
    // Eigenvectors of R Rᵀ times Rᵀ: orthogonal but for what is left of their residuals.
    basis = Multiply(rt, basis, options.threads);
    Orthonormalize(0, options.threads, &basis, /*passes=*/1);
  }
  const DenseMatrix image = Multiply(r, basis, options.threads);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(Gram(image, options.threads));
  if (eigen.info() != Eigen::Success) return absl::InternalError("the last eigenproblem of the SVD did not converge");
  const Eigen::MatrixXd rotation = eigen.eigenvectors().rowwise().reverse();
  const Eigen::VectorXd sigma = eigen.eigenvalues().reverse().cwiseMax(0).cwiseSqrt();

  uint32_t rank = 0;
  while (rank < sigma.size() && sigma(rank) > kRankTolerance * sigma(0)) ++rank;
  if (rank < k) {
    result.reduced = absl::StrFormat("%d factors asked for, %d taken: the matrix has numerical rank %d",
                                     options.factors, rank, rank);
    k = rank;
  }
  result.singular_values.assign(sigma.data(), sigma.data() + k);
  result.items = Rotate(basis, rotation.leftCols(k), options.threads);
  result.users = Rotate(image, rotation.leftCols(k), options.threads);
  FixSigns(&result.items, &result.users);
  double captured = 0;
  for (double value : result.singular_values) captured += value * value;
  result.residual_norm = std::sqrt(std::max(0.0, SquaredNorm(r) - captured));
  progress->End(absl::StrFormat("%d factors, singular values %.4g to %.4g, %d iterations%s", k,
                                result.singular_values.front(), result.singular_values.back(), result.iterations,
                                result.converged ? "" : ", not converged"));
  return result;
}

}  // namespace kindred
