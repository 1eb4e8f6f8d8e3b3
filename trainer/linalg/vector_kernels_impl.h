// The text of the kernels of vector_kernels.h, compiled once an instruction set: a file that includes this gets its own
// copy, built with that file's flags. Nothing here may be seen by the linker, or a copy with instructions that the
// machine lacks could stand in for another's; hence the unnamed namespace and no inline function of a library.
#pragma once

#include "trainer/linalg/vector_kernel_table.h"
#include "trainer/linalg/vector_kernels.h"

// GCC warns of how vectors would be passed between functions; here they never are, all is one function in the end.
#define KINDRED_INLINE inline __attribute__((always_inline))

namespace kindred {
namespace {

constexpr int64_t kLanes = 8;
constexpr int64_t kFloatsPerLine = 16;
// Rows of a gather that are fetched before they are needed.
constexpr int64_t kAhead = 8;
// One AVX2 register, or two of SSE; may lie anywhere.
typedef float Lanes __attribute__((vector_size(32), aligned(4), may_alias));

KINDRED_INLINE const Lanes& At(const float* p) { return *reinterpret_cast<const Lanes*>(p); }
KINDRED_INLINE Lanes& At(float* p) { return *reinterpret_cast<Lanes*>(p); }

KINDRED_INLINE float Sum(const Lanes& v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

KINDRED_INLINE float Dot(const float* a, const float* b, int64_t n) {
  Lanes sum = {};
  for (int64_t j = 0; j < n; j += kLanes) sum += At(a + j) * At(b + j);
  return Sum(sum);
}

// out += coefficient-weighted sum of `count` rows of x, in registers: W lanes of columns at `column`.
template <int W>
KINDRED_INLINE void SparseRow(const uint32_t* indices, const float* values, int64_t count, const float* x,
                              int64_t stride, float* y) {
  Lanes sum[W] = {};
  for (int64_t p = 0; p < count; ++p) {
    const float value = values[p];
    const float* row = x + indices[p] * stride;
    for (int w = 0; w < W; ++w) sum[w] += value * At(row + w * kLanes);
  }
  for (int w = 0; w < W; ++w) At(y + w * kLanes) = sum[w];
}

template <int W>
KINDRED_INLINE void SparseRows(const int64_t* offsets, const uint32_t* indices, const float* values, int64_t begin,
                               int64_t end, const float* x, int64_t stride, float* y) {
  for (int64_t i = begin; i < end; ++i) {
    SparseRow<W>(indices + offsets[i], values + offsets[i], offsets[i + 1] - offsets[i], x, stride, y + i * stride);
  }
}

// R rows and W lanes of columns of MultiplyAdd.
template <int R, int W>
KINDRED_INLINE void Tile(int64_t depth, const float* a, int64_t a_row, int64_t a_col, const float* b, int64_t b_stride,
                         float scale, float* c, int64_t c_stride) {
  Lanes sum[R][W] = {};
  for (int64_t t = 0; t < depth; ++t) {
    Lanes row[W];
    for (int w = 0; w < W; ++w) row[w] = At(b + t * b_stride + w * kLanes);
    for (int r = 0; r < R; ++r) {
      const float factor = a[r * a_row + t * a_col];
      for (int w = 0; w < W; ++w) sum[r][w] += factor * row[w];
    }
  }
  for (int r = 0; r < R; ++r) {
    for (int w = 0; w < W; ++w) {
      Lanes& out = At(c + r * c_stride + w * kLanes);
      out = scale == 0 ? sum[r][w] : out + sum[r][w];
    }
  }
}

template <int W>
KINDRED_INLINE void TileColumn(int64_t m, int64_t depth, const float* a, int64_t a_row, int64_t a_col, const float* b,
                               int64_t b_stride, float scale, float* c, int64_t c_stride) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4)
    Tile<4, W>(depth, a + i * a_row, a_row, a_col, b, b_stride, scale, c + i * c_stride, c_stride);
  for (; i < m; ++i) Tile<1, W>(depth, a + i * a_row, a_row, a_col, b, b_stride, scale, c + i * c_stride, c_stride);
}

// Asks for rows [begin, end) of a gather, as far as there are so many.
KINDRED_INLINE void Fetch(const uint32_t* items, int64_t begin, int64_t end, int64_t count, const float* y, int64_t n) {
  for (int64_t q = begin; q < (end < count ? end : count); ++q) {
    for (int64_t j = 0; j < n; j += kFloatsPerLine) __builtin_prefetch(y + items[q] * n + j);
  }
}

// out += Σ_p coefficient(s_p, p) · y_p with s_p = y_p · x: four rows at a time, whose dot products are independent. W
// lanes are the stride, or 0 when only the run knows.
template <int W, typename Coefficient>
KINDRED_INLINE void DotThenAdd(const uint32_t* items, int64_t count, const float* y, int64_t stride, const float* x,
                               const Coefficient& coefficient, float* out) {
  const int64_t n = W > 0 ? W * kLanes : stride;
  int64_t p = 0;
  for (; p + 4 <= count; p += 4) {
    const float* y0 = y + items[p] * n;
    const float* y1 = y + items[p + 1] * n;
    const float* y2 = y + items[p + 2] * n;
    const float* y3 = y + items[p + 3] * n;
    Fetch(items, p + kAhead, p + kAhead + 4, count, y, n);
    Lanes d0 = {}, d1 = {}, d2 = {}, d3 = {};
    for (int64_t j = 0; j < n; j += kLanes) {
      const Lanes v = At(x + j);
      d0 += v * At(y0 + j);
      d1 += v * At(y1 + j);
      d2 += v * At(y2 + j);
      d3 += v * At(y3 + j);
    }
    const float c0 = coefficient(Sum(d0), p), c1 = coefficient(Sum(d1), p + 1), c2 = coefficient(Sum(d2), p + 2),
                c3 = coefficient(Sum(d3), p + 3);
    for (int64_t j = 0; j < n; j += kLanes) {
      At(out + j) = At(out + j) + c0 * At(y0 + j) + c1 * At(y1 + j) + c2 * At(y2 + j) + c3 * At(y3 + j);
    }
  }
  for (; p < count; ++p) {
    const float* row = y + items[p] * n;
    const float c = coefficient(Dot(row, x, n), p);
    for (int64_t j = 0; j < n; j += kLanes) At(out + j) += c * At(row + j);
  }
}

// out = sign · gram x.
template <int W>
KINDRED_INLINE void GramTimes(const float* gram, int64_t stride, const float* x, float sign, float* out) {
  if constexpr (W > 0) {
    Lanes sum[W] = {};
    for (int64_t t = 0; t < W * kLanes; ++t) {
      const float factor = sign * x[t];
      for (int w = 0; w < W; ++w) sum[w] += factor * At(gram + (t * W + w) * kLanes);
    }
    for (int w = 0; w < W; ++w) At(out + w * kLanes) = sum[w];
  } else {
    for (int64_t t = 0; t < stride; ++t) out[t] = sign * Dot(gram + t * stride, x, stride);
  }
}

template <int W>
KINDRED_INLINE RowFit CgRow(const uint32_t* items, const float* extra, int64_t count, const float* y, const float* gram,
                            int64_t stride, int steps, float* scratch, float* x) {
  const int64_t n = W > 0 ? W * kLanes : stride;
  float* r = scratch;
  float* p = scratch + n;
  float* ap = scratch + 2 * n;
  RowFit fit;
  // The product with the Gram matrix hides the way of the first rows.
  Fetch(items, 0, kAhead, count, y, n);
  // r = b − A x.
  double constant = 0;
  GramTimes<W>(gram, n, x, -1, r);
  DotThenAdd<W>(
      items, count, y, n, x,
      [&](float score, int64_t q) __attribute__((always_inline)) {
        constant += (1.0 + extra[q]) * (1.0 - score);
        return 1 + extra[q] * (1 - score);
      },
      r);
  fit.before = constant - Dot(x, r, n);
  fit.after = fit.before;
  for (int64_t j = 0; j < n; j += kLanes) At(p + j) = At(r + j);
  float rr = Dot(r, r, n);
  for (int step = 0; step < steps && rr > 1e-20f; ++step) {
    GramTimes<W>(gram, n, p, 1, ap);
    DotThenAdd<W>(
        items, count, y, n, p, [&](float score, int64_t q) __attribute__((always_inline)) { return extra[q] * score; },
        ap);
    const float curvature = Dot(p, ap, n);
    if (!(curvature > 0)) break;
    const float length = rr / curvature;
    for (int64_t j = 0; j < n; j += kLanes) {
      At(x + j) += length * At(p + j);
      At(r + j) -= length * At(ap + j);
    }
    fit.after -= static_cast<double>(length) * rr;
    const float next = Dot(r, r, n);
    const float turn = next / rr;
    for (int64_t j = 0; j < n; j += kLanes) At(p + j) = At(r + j) + turn * At(p + j);
    rr = next;
  }
  return fit;
}

void SparseTimesDenseHere(const int64_t* offsets, const uint32_t* indices, const float* values, int64_t begin,
                          int64_t end, const float* x, int64_t stride, float* y) {
  switch (stride / kLanes) {
    case 1:
      return SparseRows<1>(offsets, indices, values, begin, end, x, stride, y);
    case 2:
      return SparseRows<2>(offsets, indices, values, begin, end, x, stride, y);
    case 4:
      return SparseRows<4>(offsets, indices, values, begin, end, x, stride, y);
    case 7:
      return SparseRows<7>(offsets, indices, values, begin, end, x, stride, y);
    case 8:
      return SparseRows<8>(offsets, indices, values, begin, end, x, stride, y);
    default:
      break;
  }
  for (int64_t i = begin; i < end; ++i) {
    const int64_t first = offsets[i], count = offsets[i + 1] - first;
    int64_t column = 0;
    for (; column + 8 * kLanes <= stride; column += 8 * kLanes) {
      SparseRow<8>(indices + first, values + first, count, x + column, stride, y + i * stride + column);
    }
    for (; column < stride; column += kLanes) {
      SparseRow<1>(indices + first, values + first, count, x + column, stride, y + i * stride + column);
    }
  }
}

void MultiplyAddHere(int64_t m, int64_t n, int64_t depth, const float* a, int64_t a_row, int64_t a_col, const float* b,
                     int64_t b_stride, float scale, float* c, int64_t c_stride) {
  int64_t j = 0;
  for (; j + 2 * kLanes <= n; j += 2 * kLanes)
    TileColumn<2>(m, depth, a, a_row, a_col, b + j, b_stride, scale, c + j, c_stride);
  for (; j < n; j += kLanes) TileColumn<1>(m, depth, a, a_row, a_col, b + j, b_stride, scale, c + j, c_stride);
}

RowFit ImplicitCgRowHere(const uint32_t* items, const float* extra, int64_t count, const float* y, const float* gram,
                         int64_t stride, int steps, float* scratch, float* x) {
  switch (stride / kLanes) {
    case 2:
      return CgRow<2>(items, extra, count, y, gram, stride, steps, scratch, x);
    case 4:
      return CgRow<4>(items, extra, count, y, gram, stride, steps, scratch, x);
    case 8:
      return CgRow<8>(items, extra, count, y, gram, stride, steps, scratch, x);
    default:
      return CgRow<0>(items, extra, count, y, gram, stride, steps, scratch, x);
  }
}

double NonNegativeSweepHere(const float* gram, int64_t gram_stride, int64_t k, const float* b, float* x) {
  const Lanes zero = {};
  Lanes violation0 = {}, violation1 = {};
  for (int64_t t = 0; t < k; ++t) {
    const float* row = gram + t * gram_stride;
    if (!(row[t] > 0)) continue;
    Lanes g0 = -At(b + t * kSweepRows), g1 = -At(b + t * kSweepRows + kLanes), h0 = zero, h1 = zero;
    int64_t s = 0;
    for (; s + 2 <= k; s += 2) {
      g0 += row[s] * At(x + s * kSweepRows);
      g1 += row[s] * At(x + s * kSweepRows + kLanes);
      h0 += row[s + 1] * At(x + (s + 1) * kSweepRows);
      h1 += row[s + 1] * At(x + (s + 1) * kSweepRows + kLanes);
    }
    if (s < k) {
      g0 += row[s] * At(x + s * kSweepRows);
      g1 += row[s] * At(x + s * kSweepRows + kLanes);
    }
    g0 += h0;
    g1 += h1;
    const float inverse = 1 / row[t];
    Lanes& x0 = At(x + t * kSweepRows);
    Lanes& x1 = At(x + t * kSweepRows + kLanes);
    // At 0 only a falling gradient counts.
    const Lanes size0 = g0 < zero ? -g0 : g0, size1 = g1 < zero ? -g1 : g1;
    violation0 += x0 > zero ? size0 : (g0 < zero ? size0 : zero);
    violation1 += x1 > zero ? size1 : (g1 < zero ? size1 : zero);
    const Lanes next0 = x0 - inverse * g0, next1 = x1 - inverse * g1;
    x0 = next0 > zero ? next0 : zero;
    x1 = next1 > zero ? next1 : zero;
  }
  return static_cast<double>(Sum(violation0)) + Sum(violation1);
}

constexpr VectorKernelTable kTable = {SparseTimesDenseHere, MultiplyAddHere, ImplicitCgRowHere, NonNegativeSweepHere};

}  // namespace
}  // namespace kindred
