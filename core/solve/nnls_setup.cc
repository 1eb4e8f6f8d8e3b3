// How an NnlsSolver is made: checks, scaling, Gram matrix.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/solve/dependent_rows.h"
#include "core/solve/gram_root.h"
#include "core/solve/nnls.h"
#include "core/solve/power_scale.h"
#include "core/solve/vector_ops.h"

namespace kindred {
namespace {

// A matrix this far from MMᵀ is no Gram matrix with rounding errors, not even one computed in f32.
constexpr double kGramError = 1e-5;

absl::Status CheckFinite(std::span<const double> values, uint32_t columns, const char* what) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    return absl::InvalidArgumentError(absl::StrFormat("nnls: %s has %g at row %d, column %d, expected a finite number",
                                                      what, values[i], i / columns, i % columns));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NnlsSolver> NnlsSolver::FromBasis(std::span<const double> h, uint32_t k, uint32_t d) {
  if (k == 0 || d == 0) {
    return absl::InvalidArgumentError(absl::StrFormat("nnls: basis is %d × %d, expected at least 1 × 1", k, d));
  }
  if (h.size() != uint64_t{k} * d) {
    return absl::InvalidArgumentError(absl::StrFormat("nnls: basis has %d values, expected %d × %d", h.size(), k, d));
  }
  RETURN_IF_ERROR(CheckFinite(h, d, "basis"));

  NnlsSolver solver;
  solver.k_ = k;
  solver.d_ = d;
  solver.h_.assign(h.begin(), h.end());
  solver.scale_.resize(k);
  for (uint32_t j = 0; j < k; ++j) {
    double* row = solver.h_.data() + size_t{j} * d;
    // In two steps, since the norm of the row as given may overflow.
    int exponent = 0;
    for (const bool by_norm : {false, true}) {
      int change = ScaleExponent(by_norm ? std::sqrt(Dot(row, row, d)) : LargestMagnitude(row, d));
      change = std::clamp(exponent + change, -kLargestExponent, kLargestExponent) - exponent;
      for (uint32_t i = 0; i < d; ++i) row[i] = std::ldexp(row[i], change);
      exponent += change;
    }
    solver.scale_[j] = std::ldexp(1.0, exponent);
  }
  solver.gram_.resize(size_t{k} * k);
  solver.norms_.resize(k);
  for (uint32_t i = 0; i < k; ++i) {
    const double* row = solver.h_.data() + size_t{i} * d;
    for (uint32_t j = 0; j <= i; ++j) {
      const double product = Dot(row, solver.h_.data() + size_t{j} * d, d);
      solver.gram_[size_t{i} * k + j] = solver.gram_[size_t{j} * k + i] = product;
    }
    solver.norms_[i] = std::sqrt(solver.gram_[size_t{i} * k + i]);
  }
  solver.has_dependent_rows_ = HasDependentRows(solver.gram_.data(), k);
  return solver;
}

absl::StatusOr<NnlsSolver> NnlsSolver::FromGram(std::span<const double> gram, uint32_t k) {
  if (k == 0) return absl::InvalidArgumentError("nnls: Gram matrix is 0 × 0, expected at least 1 × 1");
  if (gram.size() != uint64_t{k} * k) {
    return absl::InvalidArgumentError(
        absl::StrFormat("nnls: Gram matrix has %d values, expected %d × %d", gram.size(), k, k));
  }
  RETURN_IF_ERROR(CheckFinite(gram, k, "Gram matrix"));

  NnlsSolver solver;
  solver.k_ = k;
  solver.gram_.resize(size_t{k} * k);
  solver.scale_.resize(k);
  solver.norms_.resize(k);
  for (uint32_t j = 0; j < k; ++j) {
    const double diagonal = gram[size_t{j} * k + j];
    if (diagonal < 0) {
      return absl::InvalidArgumentError(
          absl::StrFormat("nnls: Gram matrix has %g on its diagonal at row %d, expected >= 0", diagonal, j));
    }
    solver.scale_[j] = std::ldexp(1.0, ScaleExponent(std::sqrt(diagonal)));
  }
  for (uint32_t i = 0; i < k; ++i) {
    for (uint32_t j = 0; j < k; ++j) {
      const double scale_i = solver.scale_[i], scale_j = solver.scale_[j];
      const double here = gram[size_t{i} * k + j] * scale_i * scale_j;
      const double mirrored = gram[size_t{j} * k + i] * scale_i * scale_j;
      if (!(std::abs(here - mirrored) <= kGramError)) {
        return absl::InvalidArgumentError(
            absl::StrFormat("nnls: Gram matrix has %g at row %d, column %d but %g across its diagonal, expected a "
                            "symmetric matrix",
                            gram[size_t{i} * k + j], i, j, gram[size_t{j} * k + i]));
      }
      solver.gram_[size_t{i} * k + j] = 0.5 * (here + mirrored);
    }
    solver.norms_[i] = std::sqrt(solver.gram_[size_t{i} * k + i]);
  }
  GramRoot root = ComputeGramRoot(solver.gram_.data(), k);
  if (!(root.error <= kGramError)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("nnls: Gram matrix [%d × %d] is not positive semi-definite: the nearest product MMᵀ found "
                        "(rank %d) is off by %g of its largest entry, expected at most %g",
                        k, k, root.rank, root.error, kGramError));
  }
  solver.d_ = root.rank;
  solver.h_ = std::move(root.rows);
  return solver;
}

}  // namespace kindred
