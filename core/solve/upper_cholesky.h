// Cholesky of small symmetric matrices over plain arrays, rows first: U with UᵀU = A. What a history is solved with.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kindred {

// A pivot this much below its diagonal entry is rounding noise.
inline constexpr double kSmallestPivot = 1e-14;

// Upper triangle of a symmetric matrix [n × n] → U with UᵀU = matrix, in place. Inner loops run along rows.
inline void UpperCholesky(size_t n, double* a) {
  for (size_t k = 0; k < n; ++k) {
    double* __restrict row = a + k * n;
    // row[k] has lost what the rows above explain; a matrix that is singular to rounding keeps a positive pivot.
    const double pivot = std::sqrt(row[k]);
    const double inverse = 1 / pivot;
    row[k] = pivot;
    for (size_t j = k + 1; j < n; ++j) row[j] *= inverse;
    for (size_t i = k + 1; i < n; ++i) {
      double* __restrict below = a + i * n;
      const double factor = row[i];
      const double before = below[i];
      for (size_t j = i; j < n; ++j) below[j] -= factor * row[j];
      below[i] = std::max(below[i], kSmallestPivot * before);
    }
  }
}

// Uᵀ Y = B for n rows of `width` numbers each, in place.
inline void SolveTransposed(const double* u, size_t n, double* b, size_t width) {
  for (size_t k = 0; k < n; ++k) {
    double* __restrict row = b + k * width;
    const double inverse = 1 / u[k * n + k];
    for (size_t j = 0; j < width; ++j) row[j] *= inverse;
    for (size_t i = k + 1; i < n; ++i) {
      double* __restrict below = b + i * width;
      const double factor = u[k * n + i];
      for (size_t j = 0; j < width; ++j) below[j] -= factor * row[j];
    }
  }
}

// U x = b, in place.
inline void SolveUpper(const double* u, size_t n, double* x) {
  for (size_t k = n; k-- > 0;) {
    double sum = x[k];
    for (size_t j = k + 1; j < n; ++j) sum -= u[k * n + j] * x[j];
    x[k] = sum / u[k * n + k];
  }
}

// a[i][i…] += factor · x_i · x[i…]
template <typename T>
void AddOuter(const T* x, size_t n, double factor, double* a) {
  for (size_t i = 0; i < n; ++i) {
    const double scaled = factor * x[i];
    if (scaled == 0) continue;
    double* __restrict row = a + i * n;
    for (size_t j = i; j < n; ++j) row[j] += scaled * x[j];
  }
}

}  // namespace kindred
