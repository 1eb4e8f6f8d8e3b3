#include "trainer/nmf.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "trainer/parallel.h"
#include "trainer/svd.h"

namespace kindred {
namespace {

constexpr int64_t kRowBlock = 256;

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

// Columns of `u` and `v` (Σ folded into u) → non-negative starting factors: of each singular pair the dominant signed
// half. Zeros become `fill`, as a zero could only leave its place through the other factor ("NNDSVDa").
void StartFromSvd(const SvdResult& svd, uint32_t k, double fill, DenseMatrix* w, DenseMatrix* h) {
  w->setConstant(fill);
  h->setConstant(fill);
  for (uint32_t j = 0; j < k && j < svd.singular_values.size(); ++j) {
    const double sigma = svd.singular_values[j];
    const Eigen::VectorXd u = svd.users.col(j) / sigma;
    const Eigen::VectorXd v = svd.items.col(j);
    const Eigen::VectorXd u_plus = u.cwiseMax(0), u_minus = (-u).cwiseMax(0);
    const Eigen::VectorXd v_plus = v.cwiseMax(0), v_minus = (-v).cwiseMax(0);
    const double plus = u_plus.norm() * v_plus.norm(), minus = u_minus.norm() * v_minus.norm();
    const bool positive = plus >= minus;
    const Eigen::VectorXd& left = positive ? u_plus : u_minus;
    const Eigen::VectorXd& right = positive ? v_plus : v_minus;
    const double size = positive ? plus : minus;
    if (!(size > 0)) continue;
    const double scale = std::sqrt(sigma * size);
    for (int64_t i = 0; i < left.size(); ++i) {
      if (left(i) > 0) (*w)(i, j) = scale * left(i) / left.norm();
    }
    for (int64_t i = 0; i < right.size(); ++i) {
      if (right(i) > 0) (*h)(i, j) = scale * right(i) / right.norm();
    }
  }
}

// One sweep over every element of x: [n × k] towards argmin_{x ≥ 0} ‖A − x Yᵀ‖² + α‖x‖², given G = YᵀY: [k × k] and
// b = A Y: [n × k]. Rows are independent. Returns the summed size of the projected gradient before each step.
double Sweep(const Eigen::MatrixXd& gram, const DenseMatrix& b, double alpha, int threads, DenseMatrix* x) {
  const int64_t n = x->rows(), k = x->cols();
  std::vector<double> violations((n + kRowBlock - 1) / kRowBlock, 0.0);
  ParallelFor(n, kRowBlock, threads, [&](int64_t begin, int64_t end) {
    Eigen::VectorXd gradient(k);
    double violation = 0;
    for (int64_t i = begin; i < end; ++i) {
      double* row = x->data() + i * k;
      // G x by the columns of the non-zero elements: rows of a factorization are mostly zeros.
      for (int64_t t = 0; t < k; ++t) gradient(t) = alpha * row[t] - b(i, t);
      for (int64_t t = 0; t < k; ++t) {
        if (row[t] != 0) gradient += row[t] * gram.col(t);
      }
      for (int64_t t = 0; t < k; ++t) {
        const double g = gradient(t);
        violation += std::abs(row[t] == 0 ? std::min(0.0, g) : g);
        const double curvature = gram(t, t) + alpha;
        if (!(curvature > 0)) continue;
        const double next = std::max(0.0, row[t] - g / curvature);
        const double step = next - row[t];
        if (step == 0) continue;
        row[t] = next;
        gradient += step * gram.col(t);
        gradient(t) += alpha * step;
      }
    }
    violations[begin / kRowBlock] = violation;
  });
  double sum = 0;
  for (double violation : violations) sum += violation;
  return sum;
}

// ‖R − x Yᵀ‖_F from b = A Y, G = YᵀY and ‖R‖².
double ReconstructionError(double squared_norm, const DenseMatrix& x, const DenseMatrix& b, const Eigen::MatrixXd& gram,
                           int threads) {
  const double cross = x.cwiseProduct(b).sum();
  const double square = gram.cwiseProduct(Gram(x, threads)).sum();
  return std::sqrt(std::max(0.0, squared_norm - 2 * cross + square));
}

// Drops components that weigh nothing, and with α = 0 moves their size into W.
void Tidy(double alpha, DenseMatrix* w, DenseMatrix* h) {
  int64_t kept = 0;
  for (int64_t j = 0; j < w->cols(); ++j) {
    const double w_norm = w->col(j).norm(), h_norm = h->col(j).norm();
    if (!(w_norm > 0) || !(h_norm > 0)) continue;
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
  const double squared_norm = SquaredNorm(r);
  double sum = 0;
  for (double value : r.values) sum += value;
  const double mean = sum / (static_cast<double>(r.rows) * r.cols);

  result.users.resize(r.rows, k);
  result.items.resize(r.cols, k);
  if (smaller >= 2) {
    // A start needs no exact singular vectors.
    SvdOptions svd_options{
        .factors = k, .max_iterations = 8, .tolerance = 1e-3, .seed = options.seed, .threads = options.threads};
    ASSIGN_OR_RETURN(const SvdResult svd, TruncatedSvd(r, svd_options, progress));
    StartFromSvd(svd, k, mean, &result.users, &result.items);
  } else {
    result.users.setConstant(std::sqrt(mean));
    result.items.setConstant(std::sqrt(mean));
  }

  const SparseMatrix rt = Transpose(r);
  progress->Begin("non-negative factorization", options.max_iterations, "iterations");
  double first_violation = 0;
  for (uint32_t iteration = 1; iteration <= options.max_iterations; ++iteration) {
    const Eigen::MatrixXd item_gram = Gram(result.items, options.threads);
    double violation =
        Sweep(item_gram, Multiply(r, result.items, options.threads), options.alpha, options.threads, &result.users);
    const Eigen::MatrixXd user_gram = Gram(result.users, options.threads);
    const DenseMatrix b = Multiply(rt, result.users, options.threads);
    violation += Sweep(user_gram, b, options.alpha, options.threads, &result.items);
    result.error = ReconstructionError(squared_norm, result.items, b, user_gram, options.threads);
    result.errors.push_back(result.error);
    result.iterations = iteration;
    if (iteration == 1) first_violation = violation;
    progress->Update(iteration, absl::StrFormat("error %.6g", result.error));
    result.converged = violation <= options.tolerance * first_violation;
    if (result.converged) break;
  }
  result.objective =
      result.error * result.error + options.alpha * (result.users.squaredNorm() + result.items.squaredNorm());
  Tidy(options.alpha, &result.users, &result.items);
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
