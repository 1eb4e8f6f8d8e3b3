// Lawson & Hanson's NNLS (1974, algorithm 23.10) by Householder QR of H's passive rows, in long double: slow and as
// exact as the data allow. What NnlsSolver falls back to where the Gram matrix has lost too much.
#pragma once

#include <cstdint>
#include <vector>

namespace kindred {

// h: [k × d], row-major; norms: [k], ‖H_j‖; e: [d]; values of ordinary size (the caller scales). v: [k], on entry a
// feasible start, on return the solution. Returns the iterations used, `cap` of them at most.
//
// Terminates for every input: a step counts only when it lowers ‖e − Hᵀv‖ with v as rounded to double, and a variable
// whose step did not is barred until another one's does, so that no passive set comes twice. Allocates.
uint32_t SolveOrthogonalNnls(const double* h, uint32_t k, uint32_t d, const double* norms, const double* e,
                             uint32_t cap, double* v);

// Some e with He = b, in the least-squares sense: the target that a right-hand side implies. b: [k] → [d].
std::vector<double> ImpliedTarget(const double* h, uint32_t k, uint32_t d, const double* b);

}  // namespace kindred
