#include "core/solve/gram_root.h"

#include <Eigen/Core>
#include <algorithm>
#include <limits>

namespace kindred {

GramRoot ComputeGramRoot(const double* gram, uint32_t k) {
  using Matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Matrix matrix = Eigen::Map<const RowMatrix>(gram, k, k).cast<long double>();
  const long double largest = std::max(matrix.cwiseAbs().maxCoeff(), std::numeric_limits<long double>::min());
  const long double noise = largest * k * std::numeric_limits<double>::epsilon();

  // Cholesky with full diagonal pivoting, written out: Eigen's LDLT pivots on the diagonal of the input rather than of
  // what is left of it, and cannot reveal a rank.
  Matrix left = matrix;
  Matrix root(k, k);
  uint32_t rank = 0;
  for (; rank < k; ++rank) {
    Eigen::Index pivot = 0;
    const long double largest_left = left.diagonal().maxCoeff(&pivot);
    if (!(largest_left > noise)) break;
    root.col(rank) = left.col(pivot) / std::sqrt(largest_left);
    left.noalias() -= root.col(rank) * root.col(rank).transpose();
    left.row(pivot).setZero();
    left.col(pivot).setZero();
  }
  const RowMatrix rows = root.leftCols(rank).cast<double>();
  return {.rank = rank,
          .rows = std::vector<double>(rows.data(), rows.data() + rows.size()),
          .error = static_cast<double>(left.cwiseAbs().maxCoeff() / largest)};
}

}  // namespace kindred
