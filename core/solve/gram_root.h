// A root of a positive semi-definite matrix: M with MMᵀ = G, which turns a Gram matrix back into a basis.
#pragma once

#include <cstdint>
#include <vector>

namespace kindred {

struct GramRoot {
  uint32_t rank = 0;
  std::vector<double> rows;  // M: [k × rank], row-major
  double error = 0;          // max |MMᵀ − G| over max |G|; large when G is not positive semi-definite
};

// gram: [k × k], symmetric. Pivoted LDLᵀ in long double; pivots below rounding of the input are dropped. O(k³).
GramRoot ComputeGramRoot(const double* gram, uint32_t k);

}  // namespace kindred
