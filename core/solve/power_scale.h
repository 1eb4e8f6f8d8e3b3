// Scaling by powers of two, which rounds nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace kindred {

// Scales stay within 2^±this, so that a scale and its inverse are both normal numbers.
inline constexpr int kLargestExponent = 1000;

// Exponent of the power of two that brings values of this largest magnitude to [1, 2), as far as the bound lets it; 0
// for zeros.
inline int ScaleExponent(double largest) {
  return largest > 0 ? std::clamp(-std::ilogb(largest), -kLargestExponent, kLargestExponent) : 0;
}

// max |values_i|.
inline double LargestMagnitude(const double* values, uint32_t n) {
  double largest = 0;
  for (uint32_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(values[i]));
  return largest;
}

}  // namespace kindred
