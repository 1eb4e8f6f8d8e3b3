#include "trainer/evaluation/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kindred {
namespace {

// The continued fraction of the incomplete beta function, for x < (a + 1) / (a + b + 2).
double BetaFraction(double a, double b, double x) {
  constexpr int kMaxSteps = 10'000;
  constexpr double kTiny = 1e-300;
  const auto guarded = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / guarded(1 - (a + b) * x / (a + 1)), fraction = d;
  for (int m = 1; m <= kMaxSteps; ++m) {
    for (const double step : {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                              -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}) {
      d = 1 / guarded(1 + step * d);
      c = guarded(1 + step / c);
      fraction *= c * d;
    }
    if (std::abs(c * d - 1) < 4 * std::numeric_limits<double>::epsilon()) break;
  }
  return fraction;
}

// I_x(a, b), the regularized incomplete beta function.
double IncompleteBeta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * BetaFraction(a, b, x) / a;
  return 1 - front * BetaFraction(b, a, 1 - x) / b;
}

}  // namespace

double StudentTwoSided(double t, double dof) { return IncompleteBeta(dof / 2, 0.5, dof / (dof + t * t)); }

std::vector<double> AverageRanks(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (size_t i = begin; i < end; ++i)
      ranks[order[i]] = (static_cast<double>(begin) + static_cast<double>(end) + 1) / 2;
    begin = end;
  }
  return ranks;
}

RankCorrelation SpearmanCorrelation(std::span<const double> x, std::span<const double> y) {
  RankCorrelation out{.pairs = x.size(), .rho = std::nullopt, .p_value = std::nullopt};
  if (x.size() < 2) return out;
  const std::vector<double> rx = AverageRanks(x), ry = AverageRanks(y);
  const double mean = (static_cast<double>(x.size()) + 1) / 2;
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < rx.size(); ++i) {
    xx += (rx[i] - mean) * (rx[i] - mean);
    yy += (ry[i] - mean) * (ry[i] - mean);
    xy += (rx[i] - mean) * (ry[i] - mean);
  }
  if (xx == 0 || yy == 0) return out;
  const double rho = std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
  out.rho = rho;
  const double dof = static_cast<double>(x.size()) - 2;
  if (dof < 1) return out;
  const double room = (1 - rho) * (1 + rho);
  out.p_value = room > 0 ? StudentTwoSided(rho * std::sqrt(dof / room), dof) : 0;
  return out;
}

}  // namespace kindred
