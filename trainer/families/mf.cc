#include "trainer/families/mf.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "trainer/base/parallel.h"
#include "trainer/linalg/float_matrix.h"

namespace kindred {
namespace {

constexpr double kStartScale = 0.1;
constexpr int64_t kBlockCost = 4096;  // of a block of rows, in ratings
constexpr int64_t kGathered = 64;     // ratings that enter the normal equations at once

absl::Status CheckInput(const SparseMatrix& r, const MfOptions& options) {
  if (options.factors == 0) return absl::InvalidArgumentError("factors is 0, expected at least 1");
  if (options.iterations == 0) return absl::InvalidArgumentError("iterations is 0, expected at least 1");
  for (const double lambda : {options.regularization, options.bias_regularization}) {
    if (!(lambda > 0) || !std::isfinite(lambda)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("regularization and bias_regularization are %g and %g, expected finite numbers > 0",
                          options.regularization, options.bias_regularization));
    }
  }
  if (r.nnz() == 0) {
    return absl::InvalidArgumentError(absl::StrFormat("there are no ratings: %d users × %d items", r.rows, r.cols));
  }
  for (uint32_t row = 0; row < r.rows; ++row) {
    for (int64_t p = r.offsets[row]; p < r.offsets[row + 1]; ++p) {
      // Squares of what is left after the mean must be finite with room to add up.
      if (!(std::abs(r.values[p]) < 1e100)) {
        return absl::InvalidArgumentError(absl::StrFormat(
            "rating %g of user row %d and item row %d: expected a finite number", r.values[p], row, r.indices[p]));
      }
    }
  }
  return absl::OkStatus();
}

DenseMatrix RandomStart(int64_t rows, int64_t cols, uint64_t seed) {
  std::mt19937_64 generator(seed);
  DenseMatrix x(rows, cols);
  for (int64_t i = 0; i < x.size(); ++i) {
    x.data()[i] = kStartScale * (static_cast<double>(generator() >> 11) * 0x1.0p-52 - 1.0);
  }
  return x;
}

// One side's vectors with their bias as the last column: [n × (k + 1)].
struct Side {
  const SparseMatrix& ratings;
  const std::vector<int64_t> blocks;
  DenseMatrix vectors;

  Side(const SparseMatrix& r, uint32_t factors)
      : ratings(r),
        blocks(BalancedBlocks(r.offsets.data(), r.rows, factors / 4 + 1, kBlockCost)),
        vectors(DenseMatrix::Zero(r.rows, factors + 1)) {}
};

// Solves every row of `side` against `other`; returns the sum of squared errors afterwards.
double SolveRows(const DenseMatrix& other, double mean, const MfOptions& options, Side* side) {
  const SparseMatrix& r = side->ratings;
  const int64_t k = options.factors;
  std::vector<double> errors(side->blocks.size() - 1, 0.0);
  ParallelFor(static_cast<int64_t>(errors.size()), 1, options.threads, [&](int64_t block, int64_t) {
    DenseMatrix gathered(kGathered, k + 1);
    Eigen::VectorXd wanted(kGathered);
    Eigen::MatrixXd a(k + 1, k + 1);
    Eigen::VectorXd b(k + 1);
    Eigen::LLT<Eigen::MatrixXd> cholesky(k + 1);
    for (int64_t row = side->blocks[block]; row < side->blocks[block + 1]; ++row) {
      const int64_t begin = r.offsets[row], end = r.offsets[row + 1];
      if (begin == end) continue;
      a.setZero();
      a.diagonal().setConstant(options.regularization);
      a(k, k) = options.bias_regularization;
      b.setZero();
      for (int64_t first = begin; first < end; first += kGathered) {
        const int64_t count = std::min(kGathered, end - first);
        for (int64_t i = 0; i < count; ++i) {
          gathered.row(i) = other.row(r.indices[first + i]);
          wanted(i) = r.values[first + i] - mean - gathered(i, k);
          gathered(i, k) = 1;
        }
        const auto used = gathered.topRows(count);
        a.selfadjointView<Eigen::Lower>().rankUpdate(used.transpose());
        b.noalias() += used.transpose() * wanted.head(count);
      }
      cholesky.compute(a);
      auto x = side->vectors.row(row);
      x = cholesky.solve(b).transpose();
      for (int64_t p = begin; p < end; ++p) {
        const auto y = other.row(r.indices[p]);
        const double error = r.values[p] - mean - x(k) - y(k) - x.head(k).dot(y.head(k));
        errors[block] += error * error;
      }
    }
  });
  double sum = 0;
  for (const double error : errors) sum += error;
  return sum;
}

double Penalty(const DenseMatrix& vectors, const MfOptions& options) {
  return options.regularization * vectors.leftCols(options.factors).squaredNorm() +
         options.bias_regularization * vectors.col(options.factors).squaredNorm();
}

}  // namespace

absl::StatusOr<MfResult> BiasedMf(const SparseMatrix& r, const MfOptions& options, Progress* progress) {
  RETURN_IF_ERROR(CheckInput(r, options));
  const SparseMatrix by_item = Transpose(r);
  Side users(r, options.factors), items(by_item, options.factors);
  MfResult result;
  for (const double value : r.values) result.mean += value / static_cast<double>(r.nnz());
  const DenseMatrix start = RandomStart(r.cols, options.factors, options.seed);
  for (uint32_t item = 0; item < r.cols; ++item) {
    if (by_item.offsets[item] < by_item.offsets[item + 1]) {
      items.vectors.row(item).head(options.factors) = start.row(item);
    }
  }
  progress->Begin("biased matrix factorization", options.iterations, "iterations");
  for (uint32_t iteration = 1; iteration <= options.iterations; ++iteration) {
    SolveRows(items.vectors, result.mean, options, &users);
    const double squared_error = SolveRows(users.vectors, result.mean, options, &items);
    const double objective = squared_error + Penalty(users.vectors, options) + Penalty(items.vectors, options);
    const double last = result.objectives.empty() ? std::numeric_limits<double>::infinity() : result.objectives.back();
    result.iterations = iteration;
    result.rmse = std::sqrt(squared_error / static_cast<double>(r.nnz()));
    result.objectives.push_back(objective);
    progress->Update(iteration, absl::StrFormat("RMSE %.5g", result.rmse));
    result.converged = options.tolerance > 0 && last - objective <= options.tolerance * objective;
    if (result.converged) break;
  }
  result.users = users.vectors.leftCols(options.factors);
  result.items = items.vectors.leftCols(options.factors);
  result.user_bias = users.vectors.col(options.factors);
  result.item_bias = items.vectors.col(options.factors);
  progress->End(absl::StrFormat("%d factors, RMSE %.5g on what it saw, %d iterations%s", options.factors, result.rmse,
                                result.iterations,
                                result.converged || options.tolerance == 0 ? "" : " (the most allowed)"));
  return result;
}

}  // namespace kindred
