#include "trainer/linalg/float_matrix.h"

#include <algorithm>

#include "trainer/base/parallel.h"
#include "trainer/linalg/vector_kernels.h"

namespace kindred {
namespace {

// Rows of a product that one thread takes at a time, and whose sums stay in 32 bits.
constexpr int64_t kRowBlock = 256;
// What a block of sparse rows should cost: elements + kRowCost a row.
constexpr int64_t kBlockCost = 8192, kRowCost = 4;
// Blocks whose sums are added up in order, by one thread: enough for many threads to work on.
constexpr int64_t kCrossRows = 4096;

// XᵀY; sums of blocks are added in order.
Eigen::MatrixXd CrossProduct(const FloatMatrix& x, const FloatMatrix& y, int threads) {
  const int64_t blocks = (x.rows + kCrossRows - 1) / kCrossRows;
  std::vector<Eigen::MatrixXd> parts(blocks);
  ParallelFor(x.rows, kCrossRows, threads, [&](int64_t begin, int64_t end) {
    AlignedBuffer<float> sum(static_cast<size_t>(x.stride * y.stride));
    Eigen::MatrixXd part = Eigen::MatrixXd::Zero(x.cols, y.cols);
    for (int64_t first = begin; first < end; first += kRowBlock) {
      const int64_t depth = std::min(end, first + kRowBlock) - first;
      MultiplyAdd(x.cols, y.stride, depth, x.Row(first), 1, x.stride, y.Row(first), y.stride, 0, sum.data(), y.stride);
      for (int64_t j = 0; j < y.cols; ++j) {
        for (int64_t i = 0; i < x.cols; ++i) part(i, j) += sum[i * y.stride + j];
      }
    }
    parts[begin / kCrossRows] = std::move(part);
  });
  Eigen::MatrixXd cross = Eigen::MatrixXd::Zero(x.cols, y.cols);
  for (const Eigen::MatrixXd& part : parts) cross += part;
  return cross;
}

}  // namespace

FloatMatrix ToFloatMatrix(const DenseMatrix& x) {
  FloatMatrix out(x.rows(), x.cols());
  for (int64_t i = 0; i < out.rows; ++i) {
    for (int64_t j = 0; j < out.cols; ++j) out.Row(i)[j] = static_cast<float>(x(i, j));
  }
  return out;
}

DenseMatrix ToDenseMatrix(const FloatMatrix& x) {
  DenseMatrix out(x.rows, x.cols);
  for (int64_t i = 0; i < x.rows; ++i) {
    for (int64_t j = 0; j < x.cols; ++j) out(i, j) = x.Row(i)[j];
  }
  return out;
}

FloatMatrix Multiply(const FloatSparse& a, const FloatMatrix& x, int threads) {
  FloatMatrix y(a.rows, x.cols);
  const std::vector<int64_t> blocks = BalancedBlocks(a.offsets, a.rows, kRowCost, kBlockCost);
  ParallelFor(static_cast<int64_t>(blocks.size()) - 1, 1, threads, [&](int64_t block, int64_t) {
    SparseTimesDense(a.offsets, a.indices, a.values.data(), blocks[block], blocks[block + 1], x.data.data(), x.stride,
                     y.data.data());
  });
  return y;
}

Eigen::MatrixXd Cross(const FloatMatrix& x, const FloatMatrix& y, int threads) { return CrossProduct(x, y, threads); }

Eigen::MatrixXd Gram(const FloatMatrix& x, int threads) {
  Eigen::MatrixXd gram = CrossProduct(x, x, threads);
  // The two triangles may differ in the last bit; an eigensolver reads one, other users both.
  gram.triangularView<Eigen::StrictlyUpper>() = gram.transpose();
  return gram;
}

void AddRotated(const FloatMatrix& x, const Eigen::MatrixXd& w, double scale, int threads, FloatMatrix* y) {
  const FloatMatrix narrow = ToFloatMatrix(DenseMatrix(w));
  ParallelFor(x.rows, kRowBlock, threads, [&](int64_t begin, int64_t end) {
    MultiplyAdd(end - begin, y->stride, x.cols, x.Row(begin), x.stride, 1, narrow.data.data(), narrow.stride,
                static_cast<float>(scale), y->Row(begin), y->stride);
  });
}

std::vector<int64_t> BalancedBlocks(const int64_t* offsets, int64_t rows, int64_t row_cost, int64_t block_cost) {
  std::vector<int64_t> blocks{0};
  int64_t cost = 0;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t next = offsets[row + 1] - offsets[row] + row_cost;
    if (cost > 0 && cost + next > block_cost) {
      blocks.push_back(row);
      cost = 0;
    }
    cost += next;
  }
  blocks.push_back(rows);
  return blocks;
}

}  // namespace kindred
