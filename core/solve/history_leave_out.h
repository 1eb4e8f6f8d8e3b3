// What the least squares of history_ridge.h lose when one row of the history is left out, for all rows at the price of
// one solution and d² each: with M = A + Σ c x xᵀ, u = M⁻¹ Σ s x and z = M⁻¹ x of the row left out,
//   u − u_without = z · (s − c·x·u) / (1 − c·x·z)
// (Sherman & Morrison 1950). Pure functions; scratch is per thread.
#pragma once

#include <cstdint>
#include <span>

#include "core/solve/history_ridge.h"

namespace kindred {

// Factors M with A = gram + lambda·I (gram: [d × d] or empty for zeros) and solves for u, both kept in `scratch` until
// its next use. False where the formula would lose digits that a new solution keeps: M nearly singular, or u not
// finite. O(h·d² + d³); no allocation once `scratch` has met d.
bool FactorHistory(std::span<const double> gram, uint32_t d, double lambda, std::span<const HistoryRow> history,
                   HistoryRidgeScratch* scratch);

// Writes u − u_without: [d], for a row of that history. False where M leans on the row so much that the formula loses
// digits. O(d²). REQUIRES: FactorHistory returned true and `scratch` is as it left it.
bool LossWithout(const HistoryRow& row, uint32_t d, HistoryRidgeScratch* scratch, std::span<double> loss);

}  // namespace kindred
