// Compressed sparse rows and their products with tall dense matrices: all the trainer ever does with user × item data.
// Plain values; the functions are pure and thread-safe, and give the same bits at any thread count.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

namespace kindred {

// Row-major, so that one sparse element moves one contiguous row.
using DenseMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct SparseMatrix {
  uint32_t rows = 0;
  uint32_t cols = 0;
  std::vector<int64_t> offsets{0};  // [rows + 1]
  std::vector<uint32_t> indices;    // [nnz], ascending within a row
  std::vector<double> values;       // [nnz]

  int64_t nnz() const { return static_cast<int64_t>(indices.size()); }
  std::span<const uint32_t> RowIndices(uint32_t row) const {
    return std::span(indices).subspan(offsets[row], offsets[row + 1] - offsets[row]);
  }
  std::span<const double> RowValues(uint32_t row) const {
    return std::span(values).subspan(offsets[row], offsets[row + 1] - offsets[row]);
  }
};

// Aᵀ. O(nnz + rows + cols).
SparseMatrix Transpose(const SparseMatrix& a);

// Σ a_ij².
double SquaredNorm(const SparseMatrix& a);

// Y = A X: [rows × k] for X: [cols × k]. O(nnz · k).
DenseMatrix Multiply(const SparseMatrix& a, const DenseMatrix& x, int threads);

// XᵀX: [k × k] for X: [n × k]. O(n · k²).
Eigen::MatrixXd Gram(const DenseMatrix& x, int threads);

// XᵀY: [a × b] for X: [n × a], Y: [n × b]. O(n · a · b).
Eigen::MatrixXd Cross(const DenseMatrix& x, const DenseMatrix& y, int threads);

// Y = scale · Y + X W: [n × m] for X: [n × k], W: [k × m]; scale is 0 or 1. O(n · k · m).
void AddRotated(const DenseMatrix& x, const Eigen::MatrixXd& w, double scale, int threads, DenseMatrix* y);

// X W: [n × m] for X: [n × k], W: [k × m]. O(n · k · m).
DenseMatrix Rotate(const DenseMatrix& x, const Eigen::MatrixXd& w, int threads);

}  // namespace kindred
