// Rows that are nearly combinations of the passive ones hide from a gradient: a row at angle s to their span shows only
// s times what it could take off the residual. This looks at them along the direction that they would add.
#pragma once

#include <cstdint>

#include "core/solve/active_set_cholesky.h"

namespace kindred {

// Squared sine below which a row is looked at: above it, what hides below the gradient's noise is below 1e-10·‖e‖.
inline constexpr double kDependentRow = 1e-6;

// True when some row outside of the passive set is within kDependentRow of its span, is not in it to working precision,
// and would take more than `threshold` off the residual.
//
// h: [k × d]; gram, norms: of h; v: [k], current solution; residual: [d], of v; direction: [d] and coefficients: [k]
// for working. O(size·k) plus O(size·d) for each row looked at.
bool DependentRowHelps(const double* h, const double* gram, const double* norms, uint32_t k, uint32_t d,
                       const double* v, const double* residual, double threshold, const ActiveSetCholesky& state,
                       double* direction, double* coefficients);

// False when no row can ever be within kDependentRow of the span of any others, so that there is nothing to look for.
// gram: [k × k]. O(k³).
bool HasDependentRows(const double* gram, uint32_t k);

}  // namespace kindred
