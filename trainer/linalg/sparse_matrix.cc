#include "trainer/linalg/sparse_matrix.h"

#include <algorithm>

#include "trainer/base/parallel.h"

namespace kindred {
namespace {

// Rows per block: enough work to hide the hand-out, few enough to balance skewed rows.
constexpr int64_t kRowBlock = 256;
// Columns of a Gram matrix per block.
constexpr int64_t kGramBlock = 32;

}  // namespace

SparseMatrix Transpose(const SparseMatrix& a) {
  SparseMatrix t;
  t.rows = a.cols;
  t.cols = a.rows;
  t.offsets.assign(static_cast<size_t>(a.cols) + 1, 0);
  t.indices.resize(a.indices.size());
  t.values.resize(a.values.size());
  for (uint32_t col : a.indices) ++t.offsets[col + 1];
  for (uint32_t col = 0; col < a.cols; ++col) t.offsets[col + 1] += t.offsets[col];
  std::vector<int64_t> next(t.offsets.begin(), t.offsets.end() - 1);
  for (uint32_t row = 0; row < a.rows; ++row) {
    for (int64_t p = a.offsets[row]; p < a.offsets[row + 1]; ++p) {
      const int64_t to = next[a.indices[p]]++;
      t.indices[to] = row;
      t.values[to] = a.values[p];
    }
  }
  return t;
}

double SquaredNorm(const SparseMatrix& a) {
  double sum = 0;
  for (double value : a.values) sum += value * value;
  return sum;
}

DenseMatrix Multiply(const SparseMatrix& a, const DenseMatrix& x, int threads) {
  DenseMatrix y = DenseMatrix::Zero(a.rows, x.cols());
  const int64_t k = x.cols();
  ParallelFor(a.rows, kRowBlock, threads, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      double* out = y.data() + row * k;
      for (int64_t p = a.offsets[row]; p < a.offsets[row + 1]; ++p) {
        const double value = a.values[p];
        const double* in = x.data() + a.indices[p] * k;
        for (int64_t j = 0; j < k; ++j) out[j] += value * in[j];
      }
    }
  });
  return y;
}

Eigen::MatrixXd Gram(const DenseMatrix& x, int threads) {
  const int64_t k = x.cols();
  Eigen::MatrixXd gram(k, k);
  ParallelFor(k, kGramBlock, threads, [&](int64_t begin, int64_t end) {
    gram.middleCols(begin, end - begin).noalias() = x.transpose() * x.middleCols(begin, end - begin);
  });
  // The two triangles may differ in the last bit; an eigensolver reads one, other users both.
  gram.triangularView<Eigen::StrictlyUpper>() = gram.transpose();
  return gram;
}

Eigen::MatrixXd Cross(const DenseMatrix& x, const DenseMatrix& y, int threads) {
  Eigen::MatrixXd cross(x.cols(), y.cols());
  ParallelFor(y.cols(), kGramBlock, threads, [&](int64_t begin, int64_t end) {
    cross.middleCols(begin, end - begin).noalias() = x.transpose() * y.middleCols(begin, end - begin);
  });
  return cross;
}

void AddRotated(const DenseMatrix& x, const Eigen::MatrixXd& w, double scale, int threads, DenseMatrix* y) {
  ParallelFor(x.rows(), kRowBlock, threads, [&](int64_t begin, int64_t end) {
    auto rows = y->middleRows(begin, end - begin);
    if (scale == 0) rows.setZero();
    rows.noalias() += x.middleRows(begin, end - begin) * w;
  });
}

DenseMatrix Rotate(const DenseMatrix& x, const Eigen::MatrixXd& w, int threads) {
  DenseMatrix y(x.rows(), w.cols());
  ParallelFor(x.rows(), kRowBlock, threads, [&](int64_t begin, int64_t end) {
    y.middleRows(begin, end - begin).noalias() = x.middleRows(begin, end - begin) * w;
  });
  return y;
}

}  // namespace kindred
