// The inner loops of the solvers over plain arrays, written so that a compiler vectorizes them at baseline flags: sums
// run in eight independent lanes because floating-point addition may not be reordered for us.
#pragma once

#include <cstdint>

namespace kindred {

// Σ a_i·b_i.
inline double Dot(const double* __restrict a, const double* __restrict b, uint32_t n) {
  double lanes[8] = {};
  uint32_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int l = 0; l < 8; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  double sum = ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// y += c·x.
inline void AddScaled(double c, const double* __restrict x, double* __restrict y, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) y[i] += c * x[i];
}

}  // namespace kindred
