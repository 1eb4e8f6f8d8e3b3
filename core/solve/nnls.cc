#include "core/solve/nnls.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "core/solve/active_set_cholesky.h"
#include "core/solve/active_set_search.h"
#include "core/solve/dependent_rows.h"
#include "core/solve/orthogonal_nnls.h"
#include "core/solve/power_scale.h"
#include "core/solve/vector_ops.h"

namespace kindred {
namespace {

// Slopes below kSlopeNoise·‖e‖ + kWeightNoise·Σ v_j‖h_j‖ are rounding of the sums that they come from.
constexpr double kSlopeNoise = 2e-14;
constexpr double kWeightNoise = 1e-15;
// What converged promises, relative to ‖e‖ + Σ v_j‖h_j‖.
constexpr double kTolerance = 1e-10;
// A slope g of a passive row moves the residual by g over that row's pivot, so that small pivots ask for smaller
// slopes.
constexpr double kResidualNoise = 1e-12;
constexpr uint32_t kRefinements = 3;

// Most variables ever let in: three times k, as Lawson and Hanson's own program allows, is many times what ordinary
// problems use.
uint32_t FastCap(uint32_t k) { return 3 * k + 16; }
uint32_t FallbackCap(uint32_t k) { return 10 * k + 64; }

bool AllFinite(const double* values, uint32_t n) {
  // Infinities and NaN times zero are NaN, and NaN stays.
  double sum = 0;
  for (uint32_t i = 0; i < n; ++i) sum += values[i] * 0.0;
  return sum == 0;
}

// KKT violation of v at its gradient g, in the unit of slopes.
double Violation(const double* v, const double* gradient, const double* norms, uint32_t k) {
  double worst = 0;
  for (uint32_t j = 0; j < k; ++j) {
    if (norms[j] == 0) continue;
    const double slope = v[j] > 0 ? std::abs(gradient[j]) : gradient[j];
    worst = std::max(worst, slope / norms[j]);
  }
  return worst;
}

// Scaled problem in the scratch of one thread.
struct Workspace {
  Workspace(uint32_t k, uint32_t d, NnlsScratch* scratch) {
    const size_t tableau_size = ActiveSetCholesky::BufferSize(k);
    const size_t size = tableau_size + size_t{4} * k + size_t{3} * d;
    if (scratch->buffer.size() < size) scratch->buffer.resize(size);
    if (scratch->passive.size() < k) scratch->passive.resize(k);
    if (scratch->flags.size() < k) scratch->flags.resize(k);
    tableau = scratch->buffer.data();
    b = tableau + tableau_size;
    v = b + k;
    gradient = v + k;
    coefficients = gradient + k;
    e = coefficients + k;
    residual = e + d;
    direction = residual + d;
    passive = scratch->passive.data();
    flags = scratch->flags.data();
  }
  double* tableau;
  double* b;             // [k]
  double* v;             // [k]
  double* gradient;      // [k]
  double* coefficients;  // [k]
  double* e;             // [d]
  double* residual;      // [d]
  double* direction;     // [d]
  uint32_t* passive;
  uint8_t* flags;
};

NnlsResult NotFinite(std::span<double> w, uint32_t k) {
  std::fill_n(w.begin(), k, 0.0);
  NnlsResult result;
  result.residual_norm = result.kkt_violation = std::numeric_limits<double>::infinity();
  return result;
}

// Runs the fast path, checks it by `exact_gradient(v, g)` computed from the data and by `overlooked(state)`, which says
// whether more can be had than gradients show, and calls `fall_back(v)` where the check fails. `magnitude` is ‖e‖ or
// what stands for it. Leaves the solution in work.v.
template <typename ExactGradient, typename Overlooked, typename FallBack>
NnlsResult Search(const double* gram, const double* norms, uint32_t k, double magnitude, const Workspace& work,
                  const ExactGradient& exact_gradient, const Overlooked& overlooked, const FallBack& fall_back) {
  NnlsResult result;
  ActiveSetCholesky state(gram, k, work.b, work.tableau, work.passive);
  ActiveSetSearch search(&state, norms, k, kSlopeNoise * magnitude, FastCap(k), work.v, work.flags);
  const auto violation = [&] {
    exact_gradient(work.v, work.gradient);
    return Violation(work.v, work.gradient, norms, k);
  };
  const auto weight = [&] { return Dot(work.v, norms, k); };

  bool within_cap = search.Run();
  double worst = violation();
  for (uint32_t i = 0; i < kRefinements && within_cap; ++i) {
    if (worst <= std::min(kSlopeNoise, kResidualNoise * state.SmallestPivot()) * magnitude) break;
    within_cap = search.Refine(work.gradient);
    worst = violation();
  }
  result.iterations = search.iterations();
  if (!within_cap || !(worst <= kSlopeNoise * magnitude + kWeightNoise * weight()) || overlooked(state)) {
    result.used_fallback = true;
    result.iterations += fall_back(work.v);
    worst = violation();
  }
  result.kkt_violation = magnitude > 0 ? worst / magnitude : 0;
  result.converged = worst <= kTolerance * (magnitude + weight());
  return result;
}

void Unscale(const double* v, const double* scale, uint32_t k, int exponent, std::span<double> w) {
  const double unit = std::ldexp(1.0, exponent);
  for (uint32_t j = 0; j < k; ++j) w[j] = std::min(v[j] * scale[j] * unit, std::numeric_limits<double>::max());
}

}  // namespace

NnlsResult NnlsSolver::Solve(std::span<const double> e, std::span<double> w, NnlsScratch* scratch) const {
  assert(e.size() == d_ && w.size() == k_);
  const Workspace work(k_, d_, scratch);
  if (!AllFinite(e.data(), d_)) return NotFinite(w, k_);

  const int exponent = -ScaleExponent(LargestMagnitude(e.data(), d_));
  const double unit = std::ldexp(1.0, -exponent);
  for (uint32_t i = 0; i < d_; ++i) work.e[i] = e[i] * unit;
  for (uint32_t j = 0; j < k_; ++j) work.b[j] = Dot(h_.data() + size_t{j} * d_, work.e, d_);
  const double magnitude = std::sqrt(Dot(work.e, work.e, d_));

  const auto exact_gradient = [&](const double* v, double* gradient) {
    std::copy_n(work.e, d_, work.residual);
    for (uint32_t j = 0; j < k_; ++j) {
      if (v[j] > 0) AddScaled(-v[j], h_.data() + size_t{j} * d_, work.residual, d_);
    }
    for (uint32_t j = 0; j < k_; ++j) gradient[j] = Dot(h_.data() + size_t{j} * d_, work.residual, d_);
  };
  const auto overlooked = [&](const ActiveSetCholesky& state) {
    return has_dependent_rows_ &&
           DependentRowHelps(h_.data(), gram_.data(), norms_.data(), k_, d_, work.v, work.residual,
                             kResidualNoise * magnitude, state, work.direction, work.coefficients);
  };
  const auto fall_back = [&](double* v) {
    return SolveOrthogonalNnls(h_.data(), k_, d_, norms_.data(), work.e, FallbackCap(k_), v);
  };
  NnlsResult result = Search(gram_.data(), norms_.data(), k_, magnitude, work, exact_gradient, overlooked, fall_back);
  result.residual_norm = std::ldexp(std::sqrt(Dot(work.residual, work.residual, d_)), exponent);
  Unscale(work.v, scale_.data(), k_, exponent, w);
  return result;
}

NnlsResult NnlsSolver::SolveGram(std::span<const double> b, std::span<double> w, NnlsScratch* scratch) const {
  assert(b.size() == k_ && w.size() == k_);
  const Workspace work(k_, d_, scratch);
  if (!AllFinite(b.data(), k_)) return NotFinite(w, k_);

  for (uint32_t j = 0; j < k_; ++j) work.b[j] = norms_[j] > 0 ? b[j] * scale_[j] : 0;
  const int exponent = -ScaleExponent(LargestMagnitude(work.b, k_));
  const double unit = std::ldexp(1.0, -exponent);
  double magnitude = 0;
  for (uint32_t j = 0; j < k_; ++j) {
    work.b[j] *= unit;
    if (work.b[j] > 0) magnitude = std::max(magnitude, work.b[j] / norms_[j]);
  }

  const auto exact_gradient = [&](const double* v, double* gradient) {
    std::copy_n(work.b, k_, gradient);
    for (uint32_t j = 0; j < k_; ++j) {
      if (v[j] > 0) AddScaled(-v[j], gram_.data() + size_t{j} * k_, gradient, k_);
    }
  };
  // What a Gram matrix hides from its gradients is gone from it.
  const auto overlooked = [](const ActiveSetCholesky&) { return false; };
  const auto fall_back = [&](double* v) {
    const std::vector<double> target = ImpliedTarget(h_.data(), k_, d_, work.b);
    return SolveOrthogonalNnls(h_.data(), k_, d_, norms_.data(), target.data(), FallbackCap(k_), v);
  };
  NnlsResult result = Search(gram_.data(), norms_.data(), k_, magnitude, work, exact_gradient, overlooked, fall_back);
  Unscale(work.v, scale_.data(), k_, exponent, w);
  return result;
}

}  // namespace kindred
