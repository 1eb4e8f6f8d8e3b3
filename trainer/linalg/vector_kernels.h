// The inner loops of the trainer on 32-bit floats, compiled for AVX2 with FMA beside the baseline; the first call takes
// what the machine has. Plain pointers; strides are multiples of 8 floats and what lies between a row's
// width and its stride is 0. Pure functions. The same bits on the same machine; another instruction set rounds
// otherwise.
#pragma once

#include <cstdint>

namespace kindred {

// y[i] = Σ_p values[p] · x[indices[p]] for rows i in [begin, end), p in [offsets[i], offsets[i + 1]).
// x: [… × stride], y: [… × stride].
void SparseTimesDense(const int64_t* offsets, const uint32_t* indices, const float* values, int64_t begin, int64_t end,
                      const float* x, int64_t stride, float* y);

// c[i][j] = scale · c[i][j] + Σ_t a[i · a_row + t · a_col] · b[t · b_stride + j] for i < m, j < n, t < depth.
// REQUIRES: n is a multiple of 8; scale is 0 or 1.
void MultiplyAdd(int64_t m, int64_t n, int64_t depth, const float* a, int64_t a_row, int64_t a_col, const float* b,
                 int64_t b_stride, float scale, float* c, int64_t c_stride);

// What a few steps of conjugate gradient did to one row.
struct RowFit {
  double before = 0;  // xᵀAx − 2bᵀx + Σ_p (1 + extra[p]), before the steps
  double after = 0;   // the same afterwards
};

// Improves x: [stride] towards (gram + Σ_p extra[p] y_p y_pᵀ)⁻¹ Σ_p (1 + extra[p]) y_p, where y_p = y[items[p]], by
// `steps` of conjugate gradient. gram: [stride × stride], symmetric; scratch: [3 × stride].
RowFit ImplicitCgRow(const uint32_t* items, const float* extra, int64_t count, const float* y, const float* gram,
                     int64_t stride, int steps, float* scratch, float* x);

// Rows that NonNegativeSweep works on at once.
inline constexpr int64_t kSweepRows = 16;

// One sweep of coordinate descent over `kSweepRows` rows towards argmin_{x ≥ 0} xᵀ(G + αI)x − 2bᵀx, stored by
// coordinate: x, b: [k × kSweepRows]. gram: [k × k] with row stride `gram_stride`, α on its diagonal. Returns the
// projected gradient met on the way, summed over coordinates and rows.
double NonNegativeSweep(const float* gram, int64_t gram_stride, int64_t k, const float* b, float* x);

}  // namespace kindred
