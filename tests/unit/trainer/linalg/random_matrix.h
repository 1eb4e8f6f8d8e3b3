// Seeded matrices for the trainer's tests.
#pragma once

#include <Eigen/Core>
#include <random>

#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

inline DenseMatrix RandomDense(int64_t rows, int64_t cols, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  DenseMatrix x(rows, cols);
  for (int64_t i = 0; i < x.size(); ++i) x.data()[i] = normal(generator);
  return x;
}

// Elements are there with probability `density`, uniform in (0, 5].
inline SparseMatrix RandomSparse(uint32_t rows, uint32_t cols, double density, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  SparseMatrix a;
  a.rows = rows;
  a.cols = cols;
  for (uint32_t i = 0; i < rows; ++i) {
    for (uint32_t j = 0; j < cols; ++j) {
      if (uniform(generator) >= density) continue;
      a.indices.push_back(j);
      a.values.push_back(5 * (1 - uniform(generator)));
    }
    a.offsets.push_back(a.nnz());
  }
  return a;
}

inline Eigen::MatrixXd Dense(const SparseMatrix& a) {
  Eigen::MatrixXd x = Eigen::MatrixXd::Zero(a.rows, a.cols);
  for (uint32_t i = 0; i < a.rows; ++i) {
    for (int64_t p = a.offsets[i]; p < a.offsets[i + 1]; ++p) x(i, a.indices[p]) = a.values[p];
  }
  return x;
}

inline SparseMatrix Sparse(const Eigen::MatrixXd& x) {
  SparseMatrix a;
  a.rows = static_cast<uint32_t>(x.rows());
  a.cols = static_cast<uint32_t>(x.cols());
  for (int64_t i = 0; i < x.rows(); ++i) {
    for (int64_t j = 0; j < x.cols(); ++j) {
      if (x(i, j) == 0) continue;
      a.indices.push_back(static_cast<uint32_t>(j));
      a.values.push_back(x(i, j));
    }
    a.offsets.push_back(a.nnz());
  }
  return a;
}

}  // namespace kindred
