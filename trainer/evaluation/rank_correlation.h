// Spearman's rank correlation, with ties and a p-value. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace kindred {

struct RankCorrelation {
  uint64_t pairs = 0;
  std::optional<double> rho;      // absent for fewer than 2 pairs and where one side is all the same
  std::optional<double> p_value;  // two-sided, by Student's t with pairs − 2 degrees of freedom; absent below 3 pairs
};

// Rank of each value, smallest first, from 1; equal values share the mean of their ranks. O(n log n).
std::vector<double> AverageRanks(std::span<const double> values);

// Pearson's correlation of the average ranks; what scipy.stats.spearmanr gives. REQUIRES: x and y of one length,
// finite.
RankCorrelation SpearmanCorrelation(std::span<const double> x, std::span<const double> y);

// P(|T| ≥ |t|) for Student's t with `dof` > 0 degrees of freedom, by the continued fraction of the incomplete beta
// function (Abramowitz & Stegun 26.5.8, evaluated as Lentz did).
double StudentTwoSided(double t, double dof);

}  // namespace kindred
