#include "core/solve/trait_projection.h"

#include <algorithm>
#include <cmath>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

constexpr double kShift = 1e-6;  // of requirements A5 and A6, both times
// A profile closer to the average than this is the average: what is left is rounding of floats that sum to 1.
constexpr double kSmallestNorm = 1e-7;

}  // namespace

void ShiftToPositive(std::span<double> e) {
  if (e.empty()) return;
  const double least = *std::min_element(e.begin(), e.end());
  for (double& value : e) value = value - least + kShift;
}

absl::StatusOr<TraitProjection> TraitProjection::Create(std::span<const float> basis, uint32_t k, uint32_t d_e,
                                                        std::span<const float> average_profile) {
  if (basis.size() != size_t{k} * d_e || average_profile.size() != k) {
    return absl::InvalidArgumentError(StrCat("trait basis of ", basis.size(), " numbers and average profile of ",
                                             average_profile.size(), ", expected ", k, " x ", d_e, " and ", k));
  }
  for (float value : average_profile) {
    if (!std::isfinite(value)) return absl::InvalidArgumentError("the average profile has a number that is not finite");
  }
  const std::vector<double> h(basis.begin(), basis.end());
  ASSIGN_OR_RETURN(NnlsSolver solver, NnlsSolver::FromBasis(h, k, d_e));
  TraitProjection out(std::move(solver), k, d_e);
  out.average_.assign(average_profile.begin(), average_profile.end());
  out.gram_.resize(size_t{k} * k);
  for (uint32_t a = 0; a < k; ++a) {
    for (uint32_t b = 0; b <= a; ++b) {
      double sum = 0;
      for (uint32_t j = 0; j < d_e; ++j) sum += h[size_t{a} * d_e + j] * h[size_t{b} * d_e + j];
      out.gram_[size_t{a} * k + b] = out.gram_[size_t{b} * k + a] = sum;
    }
  }
  return out;
}

void TraitProjection::Profile(std::span<const double> e, std::span<float> p, TraitScratch* scratch) const {
  scratch->shifted.resize(size_t{d_e_} + k_);
  const std::span<double> shifted = std::span(scratch->shifted).first(d_e_);
  const std::span<double> w = std::span(scratch->shifted).subspan(d_e_);
  std::copy(e.begin(), e.end(), shifted.begin());
  const bool finite = std::all_of(e.begin(), e.end(), [](double value) { return std::isfinite(value); });
  if (!finite) {
    std::copy(average_.begin(), average_.end(), p.begin());
    return;
  }
  ShiftToPositive(shifted);
  solver_.Solve(shifted, w, &scratch->nnls);
  double sum = 0;
  for (double value : w) sum += value;
  for (uint32_t t = 0; t < k_; ++t) p[t] = static_cast<float>(w[t] / (sum + kShift));
}

void TraitProjection::Query(std::span<const float> p, std::span<float> u) const {
  double squared = 0;
  for (uint32_t a = 0; a < k_; ++a) {
    double row = 0;
    for (uint32_t b = 0; b < k_; ++b) row += gram_[size_t{a} * k_ + b] * (double{p[b]} - average_[b]);
    squared += row * (double{p[a]} - average_[a]);
  }
  double largest = 0;
  for (uint32_t t = 0; t < k_; ++t) largest = std::max(largest, std::abs(double{p[t]} - average_[t]));
  const bool is_average = largest < kSmallestNorm || !(squared > 0);
  const double scale = is_average ? 0 : 1 / std::sqrt(squared);
  for (uint32_t t = 0; t < k_; ++t) u[t] = static_cast<float>((double{p[t]} - average_[t]) * scale);
}

}  // namespace kindred
