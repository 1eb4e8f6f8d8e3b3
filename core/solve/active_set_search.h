// Lawson & Hanson's search over passive sets, on an ActiveSetCholesky. One problem, one thread; memory of the caller.
#pragma once

#include <cstdint>

#include "core/solve/active_set_cholesky.h"

namespace kindred {

class ActiveSetSearch {
 public:
  // norms: [k], square roots of the Gram diagonal, 0 = never let in; v: [k], the solution, set to 0 here; flags: [k];
  // noise: slopes (gradient over norm) up to this are taken for zero; cap: most variables ever let in.
  ActiveSetSearch(ActiveSetCholesky* state, const double* norms, uint32_t k, double noise, uint32_t cap, double* v,
                  uint8_t* flags);

  // Lets in the variable of steepest descent and restores feasibility, until no slope is left or the cap is met.
  // Returns false at the cap.
  bool Run();

  // As Run, after correcting the state by a gradient at v computed independently: [k].
  bool Refine(const double* exact_gradient);

  uint32_t iterations() const { return iterations_; }

 private:
  enum Flag : uint8_t { kFree, kPassive, kRejected };

  // The free variable of steepest descent, or k.
  uint32_t Steepest() const;
  // Moves v to the solution on the passive set, taking out the variables that meet zero on the way.
  void Descend();

  ActiveSetCholesky* state_;
  const double* norms_;
  uint32_t k_;
  double noise_;
  uint32_t cap_;
  uint32_t iterations_ = 0;
  double* v_;
  uint8_t* flags_;
};

}  // namespace kindred
