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

// What differs between the two precisions.
template <typename Matrix>
struct Precision;
template <>
struct Precision<DenseMatrix> {
  // Eigenvalues of a Gram matrix below this share of the largest are dependence, not data.
  static constexpr double kDependent = 1e-12;
  // A product's remainder below this share of the largest eigenvalue is rounding.
  static constexpr double kRounding = 1e-13;
  static DenseMatrix Make(int64_t rows, int64_t cols) { return DenseMatrix(rows, cols); }
  static int64_t Cols(const DenseMatrix& x) { return x.cols(); }
  static int64_t Rows(const DenseMatrix& x) { return x.rows(); }
  static DenseMatrix Copy(const DenseMatrix& x) { return x; }
  static DenseMatrix From(DenseMatrix x) { return x; }
  static DenseMatrix ToDense(DenseMatrix x) { return x; }
};
template <>
struct Precision<FloatMatrix> {
  static constexpr double kDependent = 1e-6;
  static constexpr double kRounding = 1e-6;
  static FloatMatrix Make(int64_t rows, int64_t cols) { return {rows, cols}; }
  static int64_t Cols(const FloatMatrix& x) { return x.cols; }
  static int64_t Rows(const FloatMatrix& x) { return x.rows; }
  static FloatMatrix Copy(const FloatMatrix& x) { return x.Copy(); }
  static FloatMatrix From(const DenseMatrix& x) { return ToFloatMatrix(x); }
  static DenseMatrix ToDense(const FloatMatrix& x) { return ToDenseMatrix(x); }
};

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
template <typename Matrix>
void OrthonormalizeOnce(double smallest, int threads, Matrix* x) {
  using P = Precision<Matrix>;
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
    *x = P::Make(P::Rows(*x), 0);
    return;
  }
  const Eigensolver eigen(scaled);
  const Eigen::VectorXd& values = eigen.eigenvalues();
  int64_t dependent = 0;
  while (dependent < count && !(values(dependent) > P::kDependent * values(count - 1))) ++dependent;
  Eigen::MatrixXd rotation = Eigen::MatrixXd::Zero(gram.cols(), count - dependent);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = dependent; j < count; ++j) {
      rotation(kept[i], j - dependent) = eigen.eigenvectors()(i, j) / std::sqrt(values(j) * gram(kept[i], kept[i]));
    }
  }
  Matrix rotated = P::Make(P::Rows(*x), rotation.cols());
  AddRotated(*x, rotation, 0, threads, &rotated);
  *x = std::move(rotated);
}

template <typename Matrix>
void OrthonormalizeTwice(double smallest, int threads, Matrix* x) {
  OrthonormalizeOnce(smallest, threads, x);
  // The second pass removes what the rounding of the first left; its columns are near 1.
  OrthonormalizeOnce(0.5, threads, x);
}

// The basis V as the blocks that were appended, and A projected on it.
template <typename Matrix>
class Basis {
 public:
  Basis(int64_t n, int64_t capacity, int threads)
      : n_(n), capacity_(capacity), threads_(threads), t_(Eigen::MatrixXd::Zero(capacity, capacity)) {}

  int64_t size() const { return size_; }
  bool Fits(int64_t columns) const { return size_ + columns <= capacity_; }
  const Matrix& last() const { return blocks_.back(); }
  Eigen::MatrixXd Projected() const { return t_.topLeftCorner(size_, size_); }

  void Append(Matrix block) {
    size_ += P::Cols(block);
    blocks_.push_back(std::move(block));
  }
  // Takes V's part out of z = A · (the block that was appended last), noting it as the projection.
  void ProjectOut(Matrix* z) {
    const Eigen::MatrixXd part = Remove(z);
    const int64_t first = size_ - P::Cols(*z);
    t_.block(0, first, size_, part.cols()) = part;
    t_.block(first, 0, part.cols(), size_) = part.transpose();
    Remove(z);
  }
  // z −= V Vᵀ z; returns Vᵀ z.
  Eigen::MatrixXd Remove(Matrix* z) const {
    Eigen::MatrixXd part(size_, P::Cols(*z));
    int64_t first = 0;
    for (const Matrix& block : blocks_) {
      part.middleRows(first, P::Cols(block)) = Cross(block, *z, threads_);
      first += P::Cols(block);
    }
    first = 0;
    for (const Matrix& block : blocks_) {
      AddRotated(block, -part.middleRows(first, P::Cols(block)), 1, threads_, z);
      first += P::Cols(block);
    }
    return part;
  }
  // V S.
  Matrix Combine(const Eigen::MatrixXd& s) const {
    Matrix combined = P::Make(n_, s.cols());
    int64_t first = 0;
    for (const Matrix& block : blocks_) {
      AddRotated(block, s.middleRows(first, P::Cols(block)), first == 0 ? 0 : 1, threads_, &combined);
      first += P::Cols(block);
    }
    return combined;
  }
  // V ← V S for the leading eigenvectors S with their values.
  void Restart(const Eigen::MatrixXd& s, const Eigen::VectorXd& values) {
    Matrix kept = Combine(s);
    blocks_.clear();
    size_ = 0;
    Append(std::move(kept));
    t_.topLeftCorner(size_, size_) = values.asDiagonal();
  }

 private:
  using P = Precision<Matrix>;
  int64_t n_, capacity_;
  int threads_;
  std::vector<Matrix> blocks_;  // [n × …] each
  Eigen::MatrixXd t_;           // VᵀAV
  int64_t size_ = 0;
};

template <typename Matrix, typename Operator>
absl::StatusOr<LanczosResult> Run(const Operator& a, int64_t n, const LanczosOptions& options) {
  using P = Precision<Matrix>;
  const int64_t wanted = options.wanted;
  const int64_t width = std::min(n, wanted + kExtraVectors);
  Basis<Matrix> basis(n, std::min(n, kBlocksBeforeRestart * width), options.threads);
  Matrix block = P::From(options.start.size() > 0 ? options.start : RandomMatrix(n, width, options.seed));
  OrthonormalizeTwice(0, options.threads, &block);
  LanczosResult result;
  Eigen::MatrixXd s;
  Eigen::VectorXd values;
  while (true) {
    if (!basis.Fits(P::Cols(block))) basis.Restart(s.leftCols(width), values.head(width));
    const int64_t last = P::Cols(block);
    basis.Append(std::move(block));
    Matrix z = a(basis.last());
    ++result.iterations;
    basis.ProjectOut(&z);

    const Eigensolver eigen(basis.Projected());
    if (eigen.info() != Eigen::Success) return absl::InternalError("a dense eigenproblem did not converge");
    s = eigen.eigenvectors().rowwise().reverse();
    values = eigen.eigenvalues().reverse().cwiseMax(0);

    block = P::Copy(z);
    const double largest = values(0);
    OrthonormalizeTwice(P::kRounding * largest, options.threads, &block);
    // A V S − V S Θ = z S_last: exact, so the residuals are known without another product.
    const Eigen::MatrixXd coupling = Cross(block, z, options.threads);
    const int64_t found = std::min(wanted, basis.size());
    result.residual = 0;
    for (int64_t i = 0; i < found && values(i) > kEigenvalueFloor * largest; ++i) {
      const double residual = (coupling * s.col(i).tail(last)).norm();
      result.residual = std::max(result.residual, residual / values(i));
    }
    if (options.progress) options.progress(result.iterations, result.residual);
    // No further direction: the basis holds all that the start vectors could reach.
    const bool exhausted = P::Cols(block) == 0 || basis.size() == n;
    result.converged = found == wanted && (exhausted || result.residual <= options.tolerance);
    if (result.converged || exhausted || result.iterations >= options.max_iterations) break;
    basis.Remove(&block);
    OrthonormalizeTwice(0.5, options.threads, &block);
  }
  const int64_t found = std::min(wanted, basis.size());
  result.values = Eigen::VectorXd::Zero(wanted);
  result.values.head(found) = values.head(found);
  result.vectors = P::ToDense(basis.Combine(s.leftCols(found)));
  return result;
}

}  // namespace

void Orthonormalize(double smallest, int threads, DenseMatrix* x, int passes) {
  OrthonormalizeOnce(smallest, threads, x);
  for (int pass = 1; pass < passes; ++pass) OrthonormalizeOnce(0.5, threads, x);
}

absl::StatusOr<LanczosResult> LargestEigenpairs(const BlockOperator& a, int64_t n, const LanczosOptions& options) {
  return Run<DenseMatrix>(a, n, options);
}

absl::StatusOr<LanczosResult> LargestEigenpairs(const FloatBlockOperator& a, int64_t n, const LanczosOptions& options) {
  return Run<FloatMatrix>(a, n, options);
}

}  // namespace kindred
