// Rounding a double up to float: how norms and error bounds stay bounds when they are stored in f32.
#pragma once

#include <cmath>
#include <limits>

namespace kindred {

// The smallest float not below `value` ≥ 0; +inf above the largest float.
inline float RoundUpToFloat(double value) {
  if (value > static_cast<double>(std::numeric_limits<float>::max())) return std::numeric_limits<float>::infinity();
  const float nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) >= value) return nearest;
  return std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

// A sum of squares in double is short by at most dim·2^-53 of itself; this covers its root for any dim below 2^22.
inline constexpr double kDoubleSumMargin = 1 + 0x1p-30;

// An upper bound of the norm whose squares were summed in double to `squares`.
inline float NormUpperBound(double squares) { return RoundUpToFloat(std::sqrt(squares) * kDoubleSumMargin); }

}  // namespace kindred
