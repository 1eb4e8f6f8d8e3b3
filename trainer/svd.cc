#include "trainer/svd.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <random>

#include "absl/strings/str_format.h"

namespace kindred {
namespace {

// Below this ratio of smallest to largest eigenvalue a Gram matrix has lost half of a double's digits, and
// orthonormalizing through it is not safe.
constexpr double kGramConditionLimit = 1e-10;
// A singular value below this share of the largest is rounding, not data: the Rayleigh-Ritz step sees its square.
constexpr double kRankTolerance = 1e-7;
// Fourth powers of singular values must stay well inside a double.
constexpr double kSmallestSquare = 1e-120, kLargestSquare = 1e120;

// Uniform in [-1, 1) straight from the generator's bits: the standard's distributions may differ between libraries.
DenseMatrix RandomMatrix(int64_t rows, int64_t cols, uint64_t seed) {
  std::mt19937_64 generator(seed);
  DenseMatrix x(rows, cols);
  for (int64_t i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<double>(generator() >> 11) * 0x1.0p-52 - 1.0;
  }
  return x;
}

// One pass of orthonormalization through the eigenvectors of the scaled Gram matrix (Stathopoulos & Wu 2002). Returns
// false, leaving x alone, when the columns are too close to dependent.
bool OrthonormalizeByGram(DenseMatrix* x, int threads) {
  Eigen::MatrixXd gram = Gram(*x, threads);
  Eigen::VectorXd scale = gram.diagonal().cwiseSqrt();
  if (!(scale.minCoeff() > 0)) return false;
  scale = scale.cwiseInverse();
  gram = scale.asDiagonal() * gram * scale.asDiagonal();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(gram);
  const Eigen::VectorXd& values = eigen.eigenvalues();
  if (eigen.info() != Eigen::Success || !(values(0) > kGramConditionLimit * values(values.size() - 1))) return false;
  const Eigen::MatrixXd rotation =
      scale.asDiagonal() * eigen.eigenvectors() * values.cwiseSqrt().cwiseInverse().asDiagonal();
  *x = Rotate(*x, rotation, threads);
  return true;
}

// Replaces the columns of x by an orthonormal basis of a space that holds theirs.
void Orthonormalize(DenseMatrix* x, int threads) {
  // The second pass removes what the rounding of the first left.
  if (OrthonormalizeByGram(x, threads) && OrthonormalizeByGram(x, threads)) return;
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr{Eigen::MatrixXd(*x)};
  *x = qr.householderQ() * Eigen::MatrixXd::Identity(x->rows(), x->cols());
}

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
  if (absl::Status status = CheckInput(r, options); !status.ok()) return status;
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
  const uint32_t extra = options.oversampling > 0 ? options.oversampling : std::max(20u, k / 2);
  const uint32_t width = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{k} + extra, smaller));

  const SparseMatrix rt = Transpose(r);
  progress->Begin("singular value decomposition", options.max_iterations, "iterations");
  DenseMatrix q = Multiply(rt, RandomMatrix(r.rows, width, options.seed), options.threads);
  Orthonormalize(&q, options.threads);
  DenseMatrix b;
  Eigen::MatrixXd rotation;
  Eigen::VectorXd sigma = Eigen::VectorXd::Zero(width);
  while (true) {
    b = Multiply(r, q, options.threads);
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(Gram(b, options.threads));
    if (eigen.info() != Eigen::Success) return absl::InternalError("the eigensolver of the SVD did not converge");
    rotation = eigen.eigenvectors().rowwise().reverse();
    const Eigen::VectorXd before = sigma;
    sigma = eigen.eigenvalues().reverse().cwiseMax(0).cwiseSqrt();
    ++result.iterations;
    result.last_change = 0;
    for (uint32_t j = 0; j < k && sigma(j) > kRankTolerance * sigma(0); ++j) {
      result.last_change = std::max(result.last_change, std::abs(sigma(j) - before(j)) / sigma(j));
    }
    progress->Update(result.iterations, absl::StrFormat("change %.1e", result.last_change));
    result.settled = result.last_change <= options.tolerance;
    if (result.settled || result.iterations >= options.max_iterations) break;
    q = Multiply(rt, Rotate(b, rotation, options.threads), options.threads);
    Orthonormalize(&q, options.threads);
  }

  uint32_t rank = 0;
  while (rank < k && sigma(rank) > kRankTolerance * sigma(0)) ++rank;
  if (rank < k) {
    result.reduced = absl::StrFormat("%d factors asked for, %d taken: the matrix has numerical rank %d",
                                     options.factors, rank, rank);
    k = rank;
  }
  result.singular_values.assign(sigma.data(), sigma.data() + k);
  result.items = Rotate(q, rotation.leftCols(k), options.threads);
  result.users = Rotate(b, rotation.leftCols(k), options.threads);
  FixSigns(&result.items, &result.users);
  double captured = 0;
  for (double value : result.singular_values) captured += value * value;
  result.residual_norm = std::sqrt(std::max(0.0, SquaredNorm(r) - captured));
  progress->End(absl::StrFormat("%d factors, singular values %.4g to %.4g, %d iterations%s", k,
                                result.singular_values.front(), result.singular_values.back(), result.iterations,
                                result.settled ? "" : ", not settled"));
  return result;
}

}  // namespace kindred
