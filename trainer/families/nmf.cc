#include "trainer/families/nmf.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "trainer/families/nmf_alternation.h"
#include "trainer/families/svd.h"

namespace kindred {
namespace {

absl::Status CheckInput(const SparseMatrix& r, const NmfOptions& options) {
  if (options.factors == 0) return absl::InvalidArgumentError("factors is 0, expected at least 1");
  if (!(options.alpha >= 0) || !std::isfinite(options.alpha)) {
    return absl::InvalidArgumentError(absl::StrFormat("alpha is %g, expected a finite number ≥ 0", options.alpha));
  }
  if (r.rows == 0 || r.cols == 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the interaction matrix is empty: %d users × %d items", r.rows, r.cols));
  }
  for (uint32_t row = 0; row < r.rows; ++row) {
    for (int64_t p = r.offsets[row]; p < r.offsets[row + 1]; ++p) {
      if (!(r.values[p] >= 0) || !std::isfinite(r.values[p])) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "value %g of user row %d and item row %d: NMF needs finite numbers ≥ 0", r.values[p], row, r.indices[p]));
      }
    }
  }
  if (SquaredNorm(r) == 0) return absl::InvalidArgumentError("every value of the interaction matrix is 0");
  return absl::OkStatus();
}

// Non-negative starting factors from singular vectors (NNDSVDa): of each pair the signed half that weighs more. What
// would be 0 becomes `mean`, that of the whole matrix: a coordinate step can leave 0, but only where others let it, and
// minima found from there are worse.
void StartFromSvd(const SvdResult& svd, double mean, DenseMatrix* w, DenseMatrix* h) {
  w->setZero();
  h->setZero();
  for (size_t j = 0; j < svd.singular_values.size(); ++j) {
    const double sigma = svd.singular_values[j];
    const Eigen::VectorXd u = svd.users.col(j) / sigma, v = svd.items.col(j);
    Eigen::VectorXd left = u.cwiseMax(0), right = v.cwiseMax(0);
    if (const double plus = left.norm() * right.norm(), minus = (-u).cwiseMax(0).norm() * (-v).cwiseMax(0).norm();
        minus > plus) {
      left = (-u).cwiseMax(0);
      right = (-v).cwiseMax(0);
    }
    const double left_norm = left.norm(), right_norm = right.norm();
    if (!(left_norm > 0) || !(right_norm > 0)) continue;
    const double scale = std::sqrt(sigma * left_norm * right_norm);
    w->col(j) = left * (scale / left_norm);
    h->col(j) = right * (scale / right_norm);
  }
  *w = (w->array() > 0).select(*w, mean);
  *h = (h->array() > 0).select(*h, mean);
}

// A component whose part of the product has less than this share of ‖R‖ weighs nothing.
constexpr double kLeastWeight = 1e-9;

// Drops components that weigh nothing, and with α = 0 moves their size into W. `norm` is ‖R‖.
void Tidy(double norm, double alpha, DenseMatrix* w, DenseMatrix* h) {
  int64_t kept = 0;
  for (int64_t j = 0; j < w->cols(); ++j) {
    const double w_norm = w->col(j).norm(), h_norm = h->col(j).norm();
    if (!(w_norm * h_norm > kLeastWeight * norm)) continue;
    const double scale = alpha > 0 ? 1.0 : h_norm;
    const Eigen::VectorXd left = w->col(j) * scale, right = h->col(j) / scale;
    w->col(kept) = left;
    h->col(kept) = right;
    ++kept;
  }
  *w = DenseMatrix(w->leftCols(kept));
  *h = DenseMatrix(h->leftCols(kept));
}

}  // namespace

absl::StatusOr<NmfResult> Nmf(const SparseMatrix& r, const NmfOptions& options, Progress* progress) {
  RETURN_IF_ERROR(CheckInput(r, options));
  const uint32_t smaller = std::min(r.rows, r.cols);
  NmfResult result;
  uint32_t k = std::min(options.factors, smaller);
  if (k < options.factors) {
    result.reduced = absl::StrFormat("%d factors asked for, %d taken: the matrix is %d users × %d items",
                                     options.factors, k, r.rows, r.cols);
  }
  result.users.resize(r.rows, k);
  result.items.resize(r.cols, k);
  if (smaller >= 2) {
    // A start needs no exact singular vectors.
    SvdOptions svd_options{
        .factors = k, .max_iterations = 20, .tolerance = 1e-2, .seed = options.seed, .threads = options.threads};
    ASSIGN_OR_RETURN(const SvdResult svd, TruncatedSvd(r, svd_options, progress));
    double sum = 0;
    for (const double value : r.values) sum += value;
    const double mean = sum / (static_cast<double>(r.rows) * r.cols);
    StartFromSvd(svd, mean, &result.users, &result.items);
  } else {
    // One user or one item: a single factor, which any positive start reaches.
    result.users.setOnes();
    result.items.setOnes();
  }
  progress->Begin("non-negative factorization", options.max_iterations, "iterations");
  Alternate(r, options, &result, progress);
  Tidy(std::sqrt(SquaredNorm(r)), options.alpha, &result.users, &result.items);
  if (result.users.cols() == 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("alpha %g is so large that every factor ended as 0; give a smaller one", options.alpha));
  }
  if (result.users.cols() < k) {
    result.reduced = absl::StrFormat("%d factors asked for, %d taken: the other components ended without weight",
                                     options.factors, result.users.cols());
  }
  progress->End(absl::StrFormat("%d factors, error %.6g, %d iterations%s", result.users.cols(), result.error,
                                result.iterations, result.converged ? "" : " (the most allowed)"));
  return result;
}

}  // namespace kindred
