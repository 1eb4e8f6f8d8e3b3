#include "trainer/linalg/block_lanczos.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/base/status_macros.h"

namespace kindred {
namespace {

using Eigensolver = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;

// More start vectors than wanted, so that the last wanted pairs converge too.
constexpr int64_t kExtraVectors = 10;
// Blocks in the basis before it is cut back to its best vectors.
constexpr int64_t kBlocksBeforeRestart = 4;
// Eigenvalues of a Gram matrix below this share of the largest are dependence, not data.
constexpr double kDependent = 1e-12;

// Uniform in [-1, 1) straight from the generator's bits: the standard's distributions may differ between libraries.
DenseMatrix RandomMatrix(int64_t rows, int64_t cols, uint64_t seed) {
  std::mt19937_64 generator(seed);
  DenseMatrix x(rows, cols);
  for (int64_t i = 0; i < x.size(); ++i) {
    x.data()[i] = static_cast<double>(generator() >> 11) * 0x1.0p-52 - 1.0;
  }
  return x;
}

// One pass through the eigenvectors of the scaled Gram matrix (Stathopoulos & Wu 2002).
void OrthonormalizeOnce(double smallest, int threads, DenseMatrix* x) {
  const Eigen::MatrixXd gram = Gram(*x, threads);
  std::vector<int64_t> kept;
  for (int64_t j = 0; j < gram.cols(); ++j) {
    if (gram(j, j) > smallest * smallest) kept.push_back(j);
  }
  const auto count = static_cast<int64_t>(kept.size());
  Eigen::MatrixXd scaled(count, count);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < count; ++j) {
      scaled(i, j) = gram(kept[i], kept[j]) / std::sqrt(gram(kept[i], kept[i]) * gram(kept[j], kept[j]));
    }
  }
  if (count == 0) {
    x->resize(x->rows(), 0);
    return;
  }
  const Eigensolver eigen(scaled);
  const Eigen::VectorXd& values = eigen.eigenvalues();
  int64_t dependent = 0;
  while (dependent < count && !(values(dependent) > kDependent * values(count - 1))) ++dependent;
  Eigen::MatrixXd rotation = Eigen::MatrixXd::Zero(gram.cols(), count - dependent);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = dependent; j < count; ++j) {
      rotation(kept[i], j - dependent) = eigen.eigenvectors()(i, j) / std::sqrt(values(j) * gram(kept[i], kept[i]));
    }
  }
  *x = Rotate(*x, rotation, threads);
}

// The basis V, A projected on it, and the next block.
class Basis {
 public:
  Basis(int64_t n, int64_t capacity, int threads)
      : v_(DenseMatrix::Zero(n, capacity)), t_(Eigen::MatrixXd::Zero(capacity, capacity)), threads_(threads) {}

  int64_t size() const { return size_; }
  bool Fits(int64_t columns) const { return size_ + columns <= v_.cols(); }
  DenseMatrix Columns() const { return v_.leftCols(size_); }
  Eigen::MatrixXd Projected() const { return t_.topLeftCorner(size_, size_); }

  void Append(const DenseMatrix& block) {
    v_.middleCols(size_, block.cols()) = block;
    size_ += block.cols();
  }
  // Takes V's part out of z = A · (the block that was appended last), noting it as the projection.
  void ProjectOut(DenseMatrix* z) {
    const Eigen::MatrixXd part = Remove(z);
    const int64_t first = size_ - z->cols();
    t_.block(0, first, size_, z->cols()) = part;
    t_.block(first, 0, z->cols(), size_) = part.transpose();
    Remove(z);
  }
  // z −= V Vᵀ z; returns Vᵀ z.
  Eigen::MatrixXd Remove(DenseMatrix* z) const {
    const DenseMatrix v = Columns();
    Eigen::MatrixXd part = v.transpose() * *z;
    *z -= Rotate(v, part, threads_);
    return part;
  }
  // V ← V S for the leading eigenvectors S with their values.
  void Restart(const Eigen::MatrixXd& s, const Eigen::VectorXd& values) {
    const DenseMatrix kept = Rotate(Columns(), s, threads_);
    size_ = kept.cols();
    v_.leftCols(size_) = kept;
    t_.topLeftCorner(size_, size_) = values.asDiagonal();
  }

 private:
  DenseMatrix v_;      // [n × capacity]
  Eigen::MatrixXd t_;  // VᵀAV
  int threads_;
  int64_t size_ = 0;
};

}  // namespace

void Orthonormalize(double smallest, int threads, DenseMatrix* x) {
  OrthonormalizeOnce(smallest, threads, x);
  // The second pass removes what the rounding of the first left; its columns are near 1.
  OrthonormalizeOnce(0.5, threads, x);
}

absl::StatusOr<LanczosResult> LargestEigenpairs(const BlockOperator& a, int64_t n, const LanczosOptions& options) {
  const int64_t wanted = options.wanted;
  const int64_t width = std::min(n, wanted + kExtraVectors);
  Basis basis(n, std::min(n, kBlocksBeforeRestart * width), options.threads);
  DenseMatrix block = RandomMatrix(n, width, options.seed);
  Orthonormalize(0, options.threads, &block);
  LanczosResult result;
  Eigen::MatrixXd s;
  Eigen::VectorXd values;
  while (true) {
    if (!basis.Fits(block.cols())) basis.Restart(s.leftCols(width), values.head(width));
    basis.Append(block);
    const int64_t last = block.cols();
    DenseMatrix z = a(block);
    ++result.iterations;
    basis.ProjectOut(&z);

    const Eigensolver eigen(basis.Projected());
    if (eigen.info() != Eigen::Success) return absl::InternalError("a dense eigenproblem did not converge");
    s = eigen.eigenvectors().rowwise().reverse();
    values = eigen.eigenvalues().reverse().cwiseMax(0);

    block = z;
    const double largest = values(0);
    Orthonormalize(1e-13 * largest, options.threads, &block);
    // A V S − V S Θ = z S_last: exact, so the residuals are known without another product.
    const Eigen::MatrixXd coupling = block.transpose() * z;
    const int64_t found = std::min(wanted, basis.size());
    result.residual = 0;
    for (int64_t i = 0; i < found && values(i) > kEigenvalueFloor * largest; ++i) {
      const double residual = (coupling * s.col(i).tail(last)).norm();
      result.residual = std::max(result.residual, residual / values(i));
    }
    if (options.progress) options.progress(result.iterations, result.residual);
    // No further direction: the basis holds all that the start vectors could reach.
    const bool exhausted = block.cols() == 0 || basis.size() == n;
    result.converged = found == wanted && (exhausted || result.residual <= options.tolerance);
    if (result.converged || exhausted || result.iterations >= options.max_iterations) break;
    basis.Remove(&block);
    Orthonormalize(0.5, options.threads, &block);
  }
  const int64_t found = std::min(wanted, basis.size());
  result.values = Eigen::VectorXd::Zero(wanted);
  result.values.head(found) = values.head(found);
  result.vectors = Rotate(basis.Columns(), s.leftCols(found), options.threads);
  return result;
}

}  // namespace kindred
