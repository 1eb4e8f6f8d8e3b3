#include "core/engine/fold_in.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"

namespace kindred {

double TransformValue(ValueTransform transform, double weight) {
  switch (transform) {
    case ValueTransform::kIdentity:
      return weight;
    case ValueTransform::kLog1p:
      return std::log1p(weight);
    case ValueTransform::kBinary:
      return 1.0;
  }
  return weight;
}

absl::StatusOr<FoldInSolver> FoldInSolver::Create(const SpaceSpec& spec, std::span<const float> items,
                                                  std::span<const double> gram) {
  const uint64_t dim = spec.dim;
  if (dim == 0) return absl::InvalidArgumentError("fold-in: the space has dimension 0, expected at least 1");
  if (items.size() % dim != 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("fold-in: item matrix has %d values, expected a multiple of dimension %d", items.size(), dim));
  }
  FoldInSolver solver;
  solver.spec_ = spec;
  solver.items_ = items;
  if (spec.fold_in == FoldIn::kMean) return solver;
  if (spec.fold_in == FoldIn::kObserved) {
    if (dim < 2) return absl::InvalidArgumentError("fold-in: observed with dimension 1, expected at least 2");
    ASSIGN_OR_RETURN(solver.history_, HistoryRidgeSolver::Create({}, spec.dim - 1, spec.fold_in_lambda));
    return solver;
  }
  if (spec.fold_in != FoldIn::kRidge && spec.fold_in != FoldIn::kNnls && spec.fold_in != FoldIn::kImplicit) {
    return absl::InvalidArgumentError(
        absl::StrFormat("fold-in: %s does not work on an item matrix", FoldInName(spec.fold_in)));
  }

  if (gram.size() != dim * dim) {
    return absl::InvalidArgumentError(
        absl::StrFormat("fold-in: Gram matrix has %d values, expected %d × %d", gram.size(), dim, dim));
  }
  if (spec.fold_in == FoldIn::kImplicit) {
    ASSIGN_OR_RETURN(solver.history_, HistoryRidgeSolver::Create(gram, spec.dim, spec.fold_in_lambda));
    return solver;
  }
  if (spec.fold_in == FoldIn::kRidge) {
    ASSIGN_OR_RETURN(solver.ridge_, RidgeSolver::Create(gram, spec.dim, spec.fold_in_lambda));
    return solver;
  }
  if (!std::isfinite(spec.fold_in_lambda) || spec.fold_in_lambda < 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("fold-in: lambda is %g, expected a finite number >= 0", spec.fold_in_lambda));
  }
  std::vector<double> regularized(gram.begin(), gram.end());
  for (uint64_t i = 0; i < dim; ++i) regularized[i * dim + i] += spec.fold_in_lambda;
  ASSIGN_OR_RETURN(solver.nnls_, NnlsSolver::FromGram(regularized, spec.dim));
  return solver;
}

// Into scratch->solution: what asks for the history's own quadratic form.
void FoldInSolver::SolveHistory(std::span<const ItemWeight> history, FoldInScratch* scratch) const {
  const size_t dim = spec_.dim;
  const bool observed = spec_.fold_in == FoldIn::kObserved;
  scratch->rows.clear();
  for (const ItemWeight& entry : history) {
    const double value = TransformValue(spec_.transform, entry.weight);
    const float* x = items_.data() + entry.item * dim;
    if (observed) {
      scratch->rows.push_back({x, 1.0, value - x[dim - 1]});
    } else {
      const double extra = spec_.fold_in_alpha * std::max(0.0, value);
      scratch->rows.push_back({x, extra, 1 + extra});
    }
  }
  const size_t solved = observed ? dim - 1 : dim;
  history_->Solve(scratch->rows, std::span(scratch->solution).first(solved), &scratch->history);
  if (observed) scratch->solution[dim - 1] = 1;
}

// Into scratch->solution: what only asks for Σ r_i x_i.
void FoldInSolver::SolveLinear(std::span<const ItemWeight> history, FoldInScratch* scratch) const {
  const size_t dim = spec_.dim;
  scratch->rhs.assign(dim, 0.0);
  double total = 0;
  double* __restrict rhs = scratch->rhs.data();
  for (const ItemWeight& entry : history) {
    const double value = TransformValue(spec_.transform, entry.weight);
    const float* __restrict x = items_.data() + entry.item * dim;
    for (size_t i = 0; i < dim; ++i) rhs[i] += value * x[i];
    total += value;
  }
  if (ridge_.has_value()) {
    ridge_->Solve(scratch->rhs, scratch->solution);
  } else if (nnls_.has_value()) {
    nnls_->SolveGram(scratch->rhs, scratch->solution, &scratch->nnls);
  } else {
    for (size_t i = 0; i < dim; ++i) scratch->solution[i] = rhs[i] / total;
  }
}

void FoldInSolver::Solve(std::span<const ItemWeight> history, std::span<float> u, FoldInScratch* scratch) const {
  const size_t dim = spec_.dim;
  std::fill_n(u.begin(), dim, 0.0f);
  if (history.empty()) return;
  assert(std::all_of(history.begin(), history.end(),
                     [&](const ItemWeight& entry) { return (entry.item + size_t{1}) * dim <= items_.size(); }));
  scratch->solution.resize(dim);
  if (history_.has_value()) {
    SolveHistory(history, scratch);
  } else {
    SolveLinear(history, scratch);
  }

  // Weights come from outside. Where they overflow, no direction is left to rank by: the empty history's answer.
  constexpr double kLargest = std::numeric_limits<float>::max();
  const double* solution = scratch->solution.data();
  if (!std::all_of(solution, solution + dim, [](double value) { return std::abs(value) <= kLargest; })) return;
  for (size_t i = 0; i < dim; ++i) u[i] = static_cast<float>(solution[i]);
}

}  // namespace kindred
