#include "trainer/families/nmf.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "trainer/base/parallel.h"
#include "trainer/families/svd.h"

namespace kindred {
namespace {

constexpr int64_t kRowBlock = 256;
// Sweeps over a row before the other side is improved: the product R H costs more than a second sweep, so it pays to
// use it up (accelerated HALS: Gillis & Glineur 2012).
constexpr int kMaxSweeps = 2;
constexpr double kSweepGain = 0.01;

// How far to overshoot along the last step, and how that adapts: the values of Ang & Gillis 2019, §3.
constexpr double kFirstMomentum = 0.5;
constexpr double kMomentumGrowth = 1.05, kMomentumLimitGrowth = 1.01, kMomentumCut = 1.5;

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

// Non-negative starting factors from singular vectors (NNDSVD): of each pair the signed half that weighs more. Zeros
// stay zeros: unlike multiplicative updates, a coordinate step can leave them.
void StartFromSvd(const SvdResult& svd, DenseMatrix* w, DenseMatrix* h) {
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
}

// Coordinate descent on one row x: [k] towards argmin_{x ≥ 0} xᵀ(G + αI)x − 2bᵀx: sweeps over its elements until the
// projected gradient met on the way falls to kSweepGain of the first sweep's. `gradient` is scratch: [k]. Returns the
// first sweep's summed projected gradient.
double SolveRow(const Eigen::MatrixXd& gram, const double* b, double alpha, double* x, Eigen::VectorXd* gradient) {
  const int64_t k = gram.rows();
  for (int64_t t = 0; t < k; ++t) (*gradient)(t) = alpha * x[t] - b[t];
  for (int64_t t = 0; t < k; ++t) {
    if (x[t] != 0) *gradient += x[t] * gram.col(t);
  }
  double first = 0;
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    double violation = 0;
    for (int64_t t = 0; t < k; ++t) {
      const double g = (*gradient)(t);
      if (x[t] == 0 && g >= 0) continue;
      const double curvature = gram(t, t) + alpha;
      if (!(curvature > 0)) continue;
      violation += std::abs(g);
      const double next = std::max(0.0, x[t] - g / curvature);
      const double step = next - x[t];
      if (step == 0) continue;
      x[t] = next;
      *gradient += step * gram.col(t);
      (*gradient)(t) += alpha * step;
    }
    if (sweep == 0) first = violation;
    if (violation <= kSweepGain * first) break;
  }
  return first;
}

// Improves every row of x: [n × k] towards argmin_{x ≥ 0} ‖A − x Yᵀ‖² + α‖x‖², given G = YᵀY: [k × k] and b = A Y:
// [n × k]. Returns the summed projected gradient before.
double SolveRows(const Eigen::MatrixXd& gram, const DenseMatrix& b, double alpha, int threads, DenseMatrix* x) {
  const int64_t n = x->rows(), k = x->cols();
  std::vector<double> violations((n + kRowBlock - 1) / kRowBlock, 0.0);
  ParallelFor(n, kRowBlock, threads, [&](int64_t begin, int64_t end) {
    Eigen::VectorXd gradient(k);
    double violation = 0;
    for (int64_t i = begin; i < end; ++i) {
      violation += SolveRow(gram, b.data() + i * k, alpha, x->data() + i * k, &gradient);
    }
    violations[begin / kRowBlock] = violation;
  });
  double sum = 0;
  for (double violation : violations) sum += violation;
  return sum;
}

// ‖R − x Yᵀ‖²_F from b = A Y, G = YᵀY and ‖R‖².
double SquaredError(double squared_norm, const DenseMatrix& x, const DenseMatrix& b, const Eigen::MatrixXd& gram,
                    int threads) {
  const double cross = x.cwiseProduct(b).sum();
  const double square = gram.cwiseProduct(Gram(x, threads)).sum();
  return std::max(0.0, squared_norm - 2 * cross + square);
}

// max(0, to + momentum · (to − from)).
DenseMatrix Extrapolated(const DenseMatrix& from, const DenseMatrix& to, double momentum) {
  return (to + momentum * (to - from)).cwiseMax(0);
}

// The alternation: each side solved in turn against an extrapolated other side; when the objective rises, back to the
// last good pair and smaller steps.
class Alternation {
 public:
  Alternation(const SparseMatrix& r, const NmfOptions& options)
      : r_(r), rt_(Transpose(r)), options_(options), squared_norm_(SquaredNorm(r)) {}

  void Run(NmfResult* result, Progress* progress) {
    DenseMatrix& w = result->users;
    DenseMatrix& h = result->items;
    DenseMatrix w_ahead = w, h_ahead = h;
    double momentum = kFirstMomentum, momentum_limit = 1;
    double best = std::numeric_limits<double>::infinity(), first_violation = 0;
    for (uint32_t iteration = 1; iteration <= options_.max_iterations; ++iteration) {
      DenseMatrix w_next = w_ahead, h_next = h_ahead;
      double violation = Solve(r_, h_ahead, &w_next).violation;
      const DenseMatrix w_extrapolated = Extrapolated(w, w_next, momentum);
      const Step step = Solve(rt_, w_extrapolated, &h_next);
      violation += step.violation;
      const double objective =
          step.squared_error + options_.alpha * (w_extrapolated.squaredNorm() + h_next.squaredNorm());
      result->iterations = iteration;
      if (iteration == 1) first_violation = violation;
      if (objective > best) {
        w_ahead = w;
        h_ahead = h;
        momentum_limit = momentum;
        momentum /= kMomentumCut;
      } else {
        best = objective;
        result->objectives.push_back(objective);
        h_ahead = Extrapolated(h, h_next, momentum);
        w_ahead = w_extrapolated;
        w = std::move(w_next);
        h = std::move(h_next);
        momentum = std::min(momentum_limit, momentum * kMomentumGrowth);
        momentum_limit = std::min(1.0, momentum_limit * kMomentumLimitGrowth);
      }
      progress->Update(iteration, absl::StrFormat("error %.6g", std::sqrt(step.squared_error)));
      result->converged = violation <= options_.tolerance * first_violation;
      if (result->converged) break;
    }
    // w was solved against an extrapolated h, so it is solved again for the one that is kept.
    const Step last = Solve(r_, h, &w);
    result->error = std::sqrt(last.squared_error);
    result->objective = last.squared_error + options_.alpha * (w.squaredNorm() + h.squaredNorm());
  }

 private:
  struct Step {
    double violation = 0;      // before
    double squared_error = 0;  // after
  };

  // Improves x towards argmin ‖A − x Yᵀ‖² + α‖x‖².
  Step Solve(const SparseMatrix& a, const DenseMatrix& y, DenseMatrix* x) const {
    const Eigen::MatrixXd gram = Gram(y, options_.threads);
    const DenseMatrix b = Multiply(a, y, options_.threads);
    Step step;
    step.violation = SolveRows(gram, b, options_.alpha, options_.threads, x);
    step.squared_error = SquaredError(squared_norm_, *x, b, gram, options_.threads);
    return step;
  }

  const SparseMatrix& r_;
  const SparseMatrix rt_;
  const NmfOptions& options_;
  const double squared_norm_;
};

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
  result.users.resize(r.rows, k);
  result.items.resize(r.cols, k);
  if (smaller >= 2) {
    // A start needs no exact singular vectors.
    SvdOptions svd_options{
        .factors = k, .max_iterations = 20, .tolerance = 1e-2, .seed = options.seed, .threads = options.threads};
    ASSIGN_OR_RETURN(const SvdResult svd, TruncatedSvd(r, svd_options, progress));
    StartFromSvd(svd, &result.users, &result.items);
  } else {
    // One user or one item: a single factor, which any positive start reaches.
    result.users.setOnes();
    result.items.setOnes();
  }
  progress->Begin("non-negative factorization", options.max_iterations, "iterations");
  Alternation(r, options).Run(&result, progress);
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
