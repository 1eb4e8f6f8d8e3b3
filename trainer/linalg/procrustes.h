// Orthogonal Procrustes: the rotation that brings one set of vectors nearest to another. Pure function, thread-safe.
#pragma once

#include <Eigen/Core>

namespace kindred {

// The orthogonal R that minimizes ‖A − B R‖ (Frobenius) for `cross` = BᵀA: [d × d]; that is U Vᵀ of cross = U S Vᵀ
// (Schönemann, Psychometrika 31, 1966). Reflections are allowed. O(d³).
Eigen::MatrixXd ProcrustesRotation(const Eigen::MatrixXd& cross);

}  // namespace kindred
