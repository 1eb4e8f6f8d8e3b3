#include "core/solve/history_ridge.h"

#include <algorithm>
#include <cmath>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/solve/ridge.h"
#include "core/solve/upper_cholesky.h"

namespace kindred {
namespace {

// The least λ, against the largest ‖x‖² of a history, for histories whose rows depend on one another.
constexpr double kLeastLambda = 1e-10;
// Below this curvature 1/c is no fit companion for a Gram matrix.
constexpr double kLeastCurvature = 1e-9;

}  // namespace

absl::StatusOr<HistoryRidgeSolver> HistoryRidgeSolver::Create(std::span<const double> gram, uint32_t d, double lambda) {
  HistoryRidgeSolver out;
  out.d_ = d;
  if (gram.empty()) {
    if (d == 0 || !std::isfinite(lambda) || lambda < 0) {
      return absl::InvalidArgumentError(
          StrCat("fold-in: dimension ", d, " and lambda ", lambda, ", expected at least 1 and a finite number >= 0"));
    }
    out.diagonal_ = true;
    out.form_ = {lambda};
    return out;
  }
  ASSIGN_OR_RETURN(const RidgeSolver ridge, RidgeSolver::Create(gram, d, lambda));
  out.form_.assign(gram.begin(), gram.end());
  for (uint32_t i = 0; i < d; ++i) out.form_[size_t{i} * d + i] += lambda + ridge.shift();
  // An all-zero matrix with λ = 0 has no scale; any gives zeros.
  for (uint32_t i = 0; i < d; ++i) {
    if (out.form_[size_t{i} * d + i] <= 0) out.form_[size_t{i} * d + i] = 1;
  }
  out.upper_ = out.form_;
  UpperCholesky(d, out.upper_.data());
  return out;
}

void HistoryRidgeSolver::Solve(std::span<const HistoryRow> history, std::span<double> u,
                               HistoryRidgeScratch* scratch) const {
  const size_t d = d_, h = history.size();
  std::fill_n(u.begin(), d, 0.0);
  double lambda = diagonal_ ? form_[0] : 0;
  bool curved = true;
  for (const HistoryRow& row : history) {
    curved = curved && row.curvature >= kLeastCurvature;
    if (!diagonal_) continue;
    double squared = 0;
    for (size_t j = 0; j < d; ++j) squared += static_cast<double>(row.x[j]) * row.x[j];
    lambda = std::max(lambda, kLeastLambda * squared);
  }
  if (h == 0 || (diagonal_ && lambda == 0)) return;

  if (h >= d || !curved) {
    scratch->system.assign(d * d, 0.0);
    double* system = scratch->system.data();
    if (diagonal_) {
      for (size_t i = 0; i < d; ++i) system[i * d + i] = lambda;
    } else {
      std::copy(form_.begin(), form_.end(), system);
    }
    for (const HistoryRow& row : history) {
      if (row.curvature > 0) AddOuter(row.x, d, row.curvature, system);
      for (size_t j = 0; j < d; ++j) u[j] += row.share * row.x[j];
    }
    UpperCholesky(d, system);
    SolveTransposed(system, d, u.data(), 1);
    SolveUpper(system, d, u.data());
    return;
  }

  // u = U⁻¹ Y z with Y = U⁻ᵀXᵀ [d × h] and (C⁻¹ + YᵀY) z = C⁻¹ s.
  scratch->rows.resize(d * h);
  double* y = scratch->rows.data();
  const double scale = diagonal_ ? 1 / std::sqrt(lambda) : 1;
  for (size_t i = 0; i < h; ++i) {
    for (size_t j = 0; j < d; ++j) y[j * h + i] = scale * history[i].x[j];
  }
  if (!diagonal_) SolveTransposed(upper_.data(), d, y, h);
  scratch->system.assign(h * h, 0.0);
  scratch->solution.resize(h);
  double* system = scratch->system.data();
  double* z = scratch->solution.data();
  for (size_t j = 0; j < d; ++j) AddOuter(y + j * h, h, 1.0, system);
  for (size_t i = 0; i < h; ++i) {
    system[i * h + i] += 1 / history[i].curvature;
    z[i] = history[i].share / history[i].curvature;
  }
  UpperCholesky(h, system);
  SolveTransposed(system, h, z, 1);
  SolveUpper(system, h, z);
  for (size_t j = 0; j < d; ++j) {
    double sum = 0;
    for (size_t i = 0; i < h; ++i) sum += y[j * h + i] * z[i];
    u[j] = diagonal_ ? scale * sum : sum;
  }
  if (!diagonal_) SolveUpper(upper_.data(), d, u.data());
}

}  // namespace kindred
