#include "trainer/families/als.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "trainer/base/parallel.h"
#include "trainer/linalg/vector_kernels.h"

namespace kindred {
namespace {

// Items start as small random vectors around 0. Vectors of one sign, as in the reference implementation of the field
// (Frederickson's implicit), begin as little more than one factor and end with a higher objective.
constexpr double kStartScale = 0.01;
// Cost of a block of rows, in elements.
constexpr int64_t kBlockCost = 4096;

absl::Status CheckInput(const SparseMatrix& r, const AlsOptions& options) {
  if (options.factors == 0) return absl::InvalidArgumentError("factors is 0, expected at least 1");
  if (options.iterations == 0) return absl::InvalidArgumentError("iterations is 0, expected at least 1");
  if (options.cg_steps == 0) return absl::InvalidArgumentError("cg_steps is 0, expected at least 1");
  if (!(options.regularization > 0) || !std::isfinite(options.regularization)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("regularization is %g, expected a finite number > 0", options.regularization));
  }
  if (!(options.alpha >= 0) || !std::isfinite(options.alpha)) {
    return absl::InvalidArgumentError(absl::StrFormat("alpha is %g, expected a finite number ≥ 0", options.alpha));
  }
  if (r.rows == 0 || r.cols == 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("the interaction matrix is empty: %d users × %d items", r.rows, r.cols));
  }
  bool any = false;
  for (uint32_t row = 0; row < r.rows; ++row) {
    for (int64_t p = r.offsets[row]; p < r.offsets[row + 1]; ++p) {
      const double value = r.values[p];
      if (!(value >= 0) || !std::isfinite(value)) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "value %g of user row %d and item row %d: ALS needs finite numbers ≥ 0", value, row, r.indices[p]));
      }
      if (options.alpha * value > std::numeric_limits<float>::max() / 1e6) {
        return absl::InvalidArgumentError(
            absl::StrFormat("value %g of user row %d and item row %d is too large for alpha %g; take --transform log1p",
                            value, row, r.indices[p], options.alpha));
      }
      any |= value > 0;
    }
  }
  if (!any) return absl::InvalidArgumentError("every value of the interaction matrix is 0");
  return absl::OkStatus();
}

// A copy without zeros, values times α.
SparseMatrix Confidences(const SparseMatrix& r, double alpha) {
  SparseMatrix out;
  out.rows = r.rows;
  out.cols = r.cols;
  out.indices.reserve(r.indices.size());
  out.values.reserve(r.values.size());
  for (uint32_t row = 0; row < r.rows; ++row) {
    for (int64_t p = r.offsets[row]; p < r.offsets[row + 1]; ++p) {
      if (r.values[p] == 0) continue;
      out.indices.push_back(r.indices[p]);
      out.values.push_back(alpha * r.values[p]);
    }
    out.offsets.push_back(out.nnz());
  }
  return out;
}

// Rows that nobody touched would be 0 after any step; they begin so.
FloatMatrix RandomStart(const SparseMatrix& by_item, uint32_t factors, uint64_t seed) {
  FloatMatrix items(by_item.rows, factors);
  std::mt19937_64 generator(seed);
  for (int64_t i = 0; i < items.rows; ++i) {
    const bool empty = by_item.offsets[i] == by_item.offsets[i + 1];
    for (int64_t j = 0; j < items.cols; ++j) {
      const double uniform = static_cast<double>(generator() >> 11) * 0x1.0p-53;
      items.Row(i)[j] = empty ? 0 : static_cast<float>(kStartScale * (2 * uniform - 1));
    }
  }
  return items;
}

// One side of the alternation: the rows of x against a fixed y.
class Side {
 public:
  Side(const SparseMatrix& r, const AlsOptions& options)
      : r_(r), options_(options), blocks_(BalancedBlocks(r.offsets.data(), r.rows, options.factors, kBlockCost)) {}

  // Improves every row of x: [rows × k] against y: [cols × k]; returns the objective afterwards without λ‖y‖².
  double Improve(const FloatMatrix& y, FloatMatrix* x) const {
    const Eigen::MatrixXd gram64 = Gram(y, options_.threads);
    FloatMatrix gram(y.stride, y.cols);
    for (int64_t i = 0; i < y.cols; ++i) {
      for (int64_t j = 0; j < y.cols; ++j) {
        gram.Row(i)[j] = static_cast<float>(gram64(i, j) + (i == j ? options_.regularization : 0));
      }
    }
    std::vector<double> objectives(blocks_.size() - 1);
    ParallelFor(static_cast<int64_t>(objectives.size()), 1, options_.threads, [&](int64_t block, int64_t) {
      AlignedBuffer<float> scratch(static_cast<size_t>(3 * y.stride));
      double sum = 0;
      for (int64_t row = blocks_[block]; row < blocks_[block + 1]; ++row) {
        const int64_t first = r_.offsets[row], count = r_.offsets[row + 1] - first;
        if (count == 0) continue;
        sum += ImplicitCgRow(r_.indices + first, r_.values.data() + first, count, y.data.data(), gram.data.data(),
                             y.stride, static_cast<int>(options_.cg_steps), scratch.data(), x->Row(row))
                   .after;
      }
      objectives[block] = sum;
    });
    double sum = 0;
    for (double objective : objectives) sum += objective;
    return sum;
  }

 private:
  const FloatSparse r_;
  const AlsOptions& options_;
  const std::vector<int64_t> blocks_;
};

double SumOfSquares(const FloatMatrix& x) {
  double sum = 0;
  for (const float value : x.data.span()) sum += static_cast<double>(value) * value;
  return sum;
}

}  // namespace

absl::StatusOr<AlsResult> ImplicitAls(const SparseMatrix& r, const AlsOptions& options, Progress* progress) {
  RETURN_IF_ERROR(CheckInput(r, options));
  const SparseMatrix by_user = Confidences(r, options.alpha);
  const SparseMatrix by_item = Transpose(by_user);
  const Side users(by_user, options), items(by_item, options);
  AlsResult result;
  result.users = FloatMatrix(r.rows, options.factors);
  result.items = RandomStart(by_item, options.factors, options.seed);
  progress->Begin("alternating least squares", options.iterations, "iterations");
  for (uint32_t iteration = 1; iteration <= options.iterations; ++iteration) {
    users.Improve(result.items, &result.users);
    const double objective =
        items.Improve(result.users, &result.items) + options.regularization * SumOfSquares(result.users);
    if (!std::isfinite(objective)) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "ALS left the range of 32-bit floats in iteration %d; give a larger regularization than %g or a smaller "
          "alpha than %g",
          iteration, options.regularization, options.alpha));
    }
    result.iterations = iteration;
    const double last = result.objectives.empty() ? std::numeric_limits<double>::infinity() : result.objectives.back();
    result.objectives.push_back(objective);
    progress->Update(iteration, absl::StrFormat("objective %.6g", objective));
    result.converged = last - objective < options.tolerance * objective;
    if (result.converged) break;
  }
  progress->End(absl::StrFormat("%d factors, objective %.6g, %d iterations%s", options.factors,
                                result.objectives.back(), result.iterations,
                                result.converged || options.tolerance == 0 ? "" : " (the most allowed)"));
  return result;
}

}  // namespace kindred
