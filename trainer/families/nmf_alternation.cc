#include "trainer/families/nmf_alternation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/str_format.h"
#include "trainer/base/parallel.h"
#include "trainer/linalg/float_matrix.h"
#include "trainer/linalg/vector_kernels.h"

namespace kindred {
namespace {

constexpr int64_t kRowBlock = 256;
// Sweeps over a row before the other side is improved: the product R H costs more than a second sweep, so it pays to
// use it up (accelerated HALS: Gillis & Glineur 2012).
constexpr int kMaxSweeps = 2;
constexpr double kSweepGain = 0.01;

// Iterations in a row that lower the objective by next to nothing, at which the rounding is all that moves.
constexpr int kStalled = 10;

// How far to overshoot along the last step, and how that adapts: the values of Ang & Gillis 2019, §3.
constexpr double kFirstMomentum = 0.5;
constexpr double kMomentumGrowth = 1.05, kMomentumLimitGrowth = 1.01, kMomentumCut = 1.5;

// Floats pay where there is enough to do, and cannot settle a finer tolerance.
constexpr int64_t kLeastForFloats = 20'000;
constexpr double kFloatTolerance = 1e-5;

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

// What the alternation needs of a precision.
struct Doubles {
  using Matrix = DenseMatrix;
  using Sparse = const SparseMatrix&;
  // A rise of the objective by less than this share of ‖R‖² is rounding.
  static constexpr double kNoise = 1e-15;

  static Matrix From(const DenseMatrix& x) { return x; }
  static DenseMatrix ToDense(const Matrix& x) { return x; }
  static Matrix Copy(const Matrix& x) { return x; }
  static double SquaredNorm(const Matrix& x) { return x.squaredNorm(); }
  static double Inner(const Matrix& x, const Matrix& y) { return x.cwiseProduct(y).sum(); }
  // max(0, to + momentum · (to − from)), except that a component that would vanish stays as it is in `to`: it would
  // never come back.
  static Matrix Extrapolated(const Matrix& from, const Matrix& to, double momentum) {
    Matrix out = (to + momentum * (to - from)).cwiseMax(0);
    for (int64_t t = 0; t < out.cols(); ++t) {
      if (!(out.col(t).maxCoeff() > 0)) out.col(t) = to.col(t);
    }
    return out;
  }
  // Improves rows [begin, end) of x towards argmin_{x ≥ 0} ‖A − x Yᵀ‖² + α‖x‖², given G = YᵀY: [k × k] and b = A Y:
  // [n × k]. Returns the summed projected gradient before.
  static double SolveRows(const Eigen::MatrixXd& gram, const Matrix& b, double alpha, int64_t begin, int64_t end,
                          Matrix* x) {
    Eigen::VectorXd gradient(x->cols());
    double violation = 0;
    for (int64_t i = begin; i < end; ++i) {
      violation += SolveRow(gram, b.data() + i * x->cols(), alpha, x->data() + i * x->cols(), &gradient);
    }
    return violation;
  }
  static int64_t Rows(const Matrix& x) { return x.rows(); }
};

struct Floats {
  using Matrix = FloatMatrix;
  using Sparse = FloatSparse;
  static constexpr double kNoise = 1e-8;

  static Matrix From(const DenseMatrix& x) { return ToFloatMatrix(x); }
  static DenseMatrix ToDense(const Matrix& x) { return ToDenseMatrix(x); }
  static Matrix Copy(const Matrix& x) { return x.Copy(); }
  static double SquaredNorm(const Matrix& x) { return Inner(x, x); }
  static double Inner(const Matrix& x, const Matrix& y) {
    double sum = 0;
    for (size_t i = 0; i < x.data.size(); ++i) sum += static_cast<double>(x.data[i]) * y.data[i];
    return sum;
  }
  static Matrix Extrapolated(const Matrix& from, const Matrix& to, double momentum) {
    Matrix out(to.rows, to.cols);
    const auto step = static_cast<float>(momentum);
    std::vector<float> largest(static_cast<size_t>(to.cols), 0.0F);
    for (int64_t i = 0; i < to.rows; ++i) {
      const float* before = from.Row(i);
      const float* now = to.Row(i);
      float* ahead = out.Row(i);
      for (int64_t t = 0; t < to.cols; ++t) {
        const float next = now[t] + step * (now[t] - before[t]);
        ahead[t] = next > 0 ? next : 0;
        largest[t] = std::max(largest[t], ahead[t]);
      }
    }
    for (int64_t t = 0; t < to.cols; ++t) {
      if (largest[t] > 0) continue;
      for (int64_t i = 0; i < to.rows; ++i) out.Row(i)[t] = to.Row(i)[t];
    }
    return out;
  }
  static double SolveRows(const Eigen::MatrixXd& gram, const Matrix& b, double alpha, int64_t begin, int64_t end,
                          Matrix* x) {
    const int64_t k = x->cols;
    FloatMatrix regular(k, k);
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < k; ++j) regular.Row(i)[j] = static_cast<float>(gram(i, j) + (i == j ? alpha : 0));
    }
    AlignedBuffer<float> columns(static_cast<size_t>(2 * k * kSweepRows));
    float* xs = columns.data();
    float* bs = xs + k * kSweepRows;
    double violation = 0;
    for (int64_t first = begin; first < end; first += kSweepRows) {
      const int64_t rows = std::min(kSweepRows, end - first);
      for (int64_t i = 0; i < kSweepRows; ++i) {
        for (int64_t t = 0; t < k; ++t) {
          xs[t * kSweepRows + i] = i < rows ? x->Row(first + i)[t] : 0;
          bs[t * kSweepRows + i] = i < rows ? b.Row(first + i)[t] : 0;
        }
      }
      const double before = NonNegativeSweep(regular.data.data(), regular.stride, k, bs, xs);
      violation += before;
      double now = before;
      for (int sweep = 1; sweep < kMaxSweeps && now > kSweepGain * before; ++sweep) {
        now = NonNegativeSweep(regular.data.data(), regular.stride, k, bs, xs);
      }
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t t = 0; t < k; ++t) x->Row(first + i)[t] = xs[t * kSweepRows + i];
      }
    }
    return violation;
  }
  static int64_t Rows(const Matrix& x) { return x.rows; }
};

// One side of a step and what it came to.
struct Step {
  double violation = 0;      // summed projected gradient before
  double squared_error = 0;  // ‖A − x Yᵀ‖²_F after
};

// Improves x towards argmin_{x ≥ 0} ‖A − x Yᵀ‖² + α‖x‖².
template <typename P, typename Sparse>
Step Solve(const Sparse& a, double squared_norm, const typename P::Matrix& y, const NmfOptions& options,
           typename P::Matrix* x) {
  const Eigen::MatrixXd gram = Gram(y, options.threads);
  const typename P::Matrix b = Multiply(a, y, options.threads);
  const int64_t n = P::Rows(*x);
  std::vector<double> violations((n + kRowBlock - 1) / kRowBlock, 0.0);
  ParallelFor(n, kRowBlock, options.threads, [&](int64_t begin, int64_t end) {
    violations[begin / kRowBlock] = P::SolveRows(gram, b, options.alpha, begin, end, x);
  });
  Step step;
  for (double violation : violations) step.violation += violation;
  const double cross = P::Inner(*x, b), square = gram.cwiseProduct(Gram(*x, options.threads)).sum();
  step.squared_error = std::max(0.0, squared_norm - 2 * cross + square);
  return step;
}

// The alternation: each side solved in turn against an extrapolated other side; when the objective rises, back to the
// last good pair and smaller steps.
template <typename P>
void Run(typename P::Sparse r, typename P::Sparse rt, double squared_norm, const NmfOptions& options, NmfResult* result,
         Progress* progress) {
  using Matrix = typename P::Matrix;
  Matrix w = P::From(result->users), h = P::From(result->items);
  // The pair whose objective is the best: w_good and h. w itself is what w_good was extrapolated from.
  Matrix w_good = P::Copy(w), w_ahead = P::Copy(w), h_ahead = P::Copy(h);
  double momentum = kFirstMomentum, momentum_limit = 1;
  double best = std::numeric_limits<double>::infinity(), first_violation = 0;
  const double little = std::max(P::kNoise, options.tolerance * options.tolerance) * squared_norm;
  int stalled = 0;
  for (uint32_t iteration = 1; iteration <= options.max_iterations; ++iteration) {
    Matrix w_next = P::Copy(w_ahead), h_next = P::Copy(h_ahead);
    double violation = Solve<P>(r, squared_norm, h_ahead, options, &w_next).violation;
    Matrix w_extrapolated = P::Extrapolated(w, w_next, momentum);
    const Step step = Solve<P>(rt, squared_norm, w_extrapolated, options, &h_next);
    violation += step.violation;
    const double objective =
        step.squared_error + options.alpha * (P::SquaredNorm(w_extrapolated) + P::SquaredNorm(h_next));
    result->iterations = iteration;
    if (iteration == 1) first_violation = violation;
    stalled = best - objective > little ? 0 : stalled + 1;
    if (objective > best + P::kNoise * squared_norm) {
      w = P::Copy(w_good);
      w_ahead = P::Copy(w_good);
      h_ahead = P::Copy(h);
      momentum_limit = momentum;
      momentum /= kMomentumCut;
    } else {
      best = std::min(best, objective);
      result->objectives.push_back(best);
      h_ahead = P::Extrapolated(h, h_next, momentum);
      w_ahead = P::Copy(w_extrapolated);
      w_good = std::move(w_extrapolated);
      w = std::move(w_next);
      h = std::move(h_next);
      momentum = std::min(momentum_limit, momentum * kMomentumGrowth);
      momentum_limit = std::min(1.0, momentum_limit * kMomentumLimitGrowth);
    }
    progress->Update(iteration, absl::StrFormat("error %.6g", std::sqrt(step.squared_error)));
    result->converged =
        violation <= options.tolerance * first_violation || (options.tolerance > 0 && stalled >= kStalled);
    if (result->converged) break;
  }
  result->users = P::ToDense(w_good);
  result->items = P::ToDense(h);
}

}  // namespace

void Alternate(const SparseMatrix& r, const NmfOptions& options, NmfResult* result, Progress* progress) {
  const double squared_norm = SquaredNorm(r);
  const SparseMatrix rt = Transpose(r);
  if (r.nnz() >= kLeastForFloats && options.tolerance >= kFloatTolerance) {
    Run<Floats>(FloatSparse(r), FloatSparse(rt), squared_norm, options, result, progress);
  } else {
    Run<Doubles>(r, rt, squared_norm, options, result, progress);
  }
  // w was extrapolated, so it is solved again for the h that is kept.
  const Step last = Solve<Doubles>(r, squared_norm, result->items, options, &result->users);
  result->error = std::sqrt(last.squared_error);
  result->objective = last.squared_error + options.alpha * (result->users.squaredNorm() + result->items.squaredNorm());
}

}  // namespace kindred
