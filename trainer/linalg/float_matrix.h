// A dense matrix of 32-bit floats for the kernels: row-major, each row padded with zeros to a multiple of 8 so that no
// loop has a remainder. Plain values.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/base/aligned_buffer.h"
#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

inline constexpr int64_t kFloatLanes = 8;

struct FloatMatrix {
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;         // floats from one row to the next: cols rounded up to kFloatLanes
  AlignedBuffer<float> data;  // [rows × stride], zeros beyond cols

  FloatMatrix() = default;
  FloatMatrix(int64_t n_rows, int64_t n_cols)
      : rows(n_rows),
        cols(n_cols),
        stride((n_cols + kFloatLanes - 1) / kFloatLanes * kFloatLanes),
        data(static_cast<size_t>(rows * stride)) {}

  float* Row(int64_t row) { return data.data() + row * stride; }
  const float* Row(int64_t row) const { return data.data() + row * stride; }

  FloatMatrix Copy() const {
    FloatMatrix copy(rows, cols);
    if (!data.empty()) std::memcpy(copy.data.data(), data.data(), data.size_bytes());
    return copy;
  }
};

// The same numbers, rounded and padded, or widened and without the padding.
FloatMatrix ToFloatMatrix(const DenseMatrix& x);
DenseMatrix ToDenseMatrix(const FloatMatrix& x);

// A sparse matrix with 32-bit values: half the memory to stream. Offsets and indices are views of `a`, which must
// outlive this.
struct FloatSparse {
  explicit FloatSparse(const SparseMatrix& a)
      : rows(a.rows),
        cols(a.cols),
        offsets(a.offsets.data()),
        indices(a.indices.data()),
        values(a.values.begin(), a.values.end()) {}

  uint32_t rows = 0;
  uint32_t cols = 0;
  const int64_t* offsets = nullptr;
  const uint32_t* indices = nullptr;
  std::vector<float> values;
};

// Y = A X: [rows × k] for X: [cols × k]. The same bits at any thread count, like all of these.
FloatMatrix Multiply(const FloatSparse& a, const FloatMatrix& x, int threads);

// XᵀY: [a × b] for X: [n × a], Y: [n × b]; sums of 256 rows are kept in 32 bits, those of the blocks in 64.
Eigen::MatrixXd Cross(const FloatMatrix& x, const FloatMatrix& y, int threads);
// XᵀX.
Eigen::MatrixXd Gram(const FloatMatrix& x, int threads);

// Y = scale · Y + X W: [n × m] for X: [n × k], W: [k × m]; scale is 0 or 1.
void AddRotated(const FloatMatrix& x, const Eigen::MatrixXd& w, double scale, int threads, FloatMatrix* y);

// Blocks of rows of about equal work, for rows whose number of elements is skewed: starts of the blocks and the end.
// A row counts as its elements + `row_cost`.
std::vector<int64_t> BalancedBlocks(const int64_t* offsets, int64_t rows, int64_t row_cost, int64_t block_cost);

}  // namespace kindred
