#include "core/solve/history_leave_out.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/solve/upper_cholesky.h"

namespace kindred {
namespace {

// Squared pivots may differ by this much: about the condition of M, so z has ten digits left.
constexpr double kLargestSpread = 1e6;
// 1 − c·x·z is what is left of M's hold on x without the row: with ten digits of z, six of it here.
constexpr double kLeastHold = 1e-4;

void Solve(uint32_t d, const HistoryRidgeScratch& scratch, double* x) {
  SolveTransposed(scratch.system.data(), d, x, 1);
  SolveUpper(scratch.system.data(), d, x);
}

double Dot(const float* x, std::span<const double> y) {
  double sum = 0;
  for (size_t j = 0; j < y.size(); ++j) sum += x[j] * y[j];
  return sum;
}

}  // namespace

bool FactorHistory(std::span<const double> gram, uint32_t d, double lambda, std::span<const HistoryRow> history,
                   HistoryRidgeScratch* scratch) {
  std::vector<double>& system = scratch->system;
  if (gram.empty()) {
    system.assign(size_t{d} * d, 0.0);
  } else {
    system.assign(gram.begin(), gram.end());
  }
  for (size_t i = 0; i < d; ++i) system[i * d + i] += lambda;
  std::vector<double>& u = scratch->solution;
  u.assign(d, 0.0);
  for (const HistoryRow& row : history) {
    AddOuter(row.x, d, row.curvature, system.data());
    for (size_t j = 0; j < d; ++j) u[j] += row.share * row.x[j];
  }
  UpperCholesky(d, system.data());
  double least = HUGE_VAL, largest = 0;
  for (size_t i = 0; i < d; ++i) {
    const double pivot = system[i * d + i];
    // A NaN is no order at all: then the spread is not small either.
    if (!(pivot > 0)) return false;
    least = std::min(least, pivot);
    largest = std::max(largest, pivot);
  }
  if (!(largest * largest <= kLargestSpread * least * least)) return false;
  Solve(d, *scratch, u.data());
  return std::all_of(u.begin(), u.end(), [](double value) { return std::isfinite(value); });
}

bool LossWithout(const HistoryRow& row, uint32_t d, HistoryRidgeScratch* scratch, std::span<double> loss) {
  for (size_t j = 0; j < d; ++j) loss[j] = row.x[j];
  Solve(d, *scratch, loss.data());
  const std::span<const double> z = loss.first(d);
  const double hold = 1 - row.curvature * Dot(row.x, z);
  if (!(hold >= kLeastHold)) return false;
  const double factor = (row.share - row.curvature * Dot(row.x, scratch->solution)) / hold;
  for (size_t j = 0; j < d; ++j) loss[j] *= factor;
  return std::isfinite(factor);
}

}  // namespace kindred
