#include "core/solve/active_set_search.h"

#include <algorithm>

namespace kindred {

ActiveSetSearch::ActiveSetSearch(ActiveSetCholesky* state, const double* norms, uint32_t k, double noise, uint32_t cap,
                                 double* v, uint8_t* flags)
    : state_(state), norms_(norms), k_(k), noise_(noise), cap_(cap), v_(v), flags_(flags) {
  std::fill_n(v_, k_, 0.0);
  std::fill_n(flags_, k_, uint8_t{kFree});
}

bool ActiveSetSearch::Run() {
  for (uint32_t j = Steepest(); j != k_; j = Steepest()) {
    if (iterations_ == cap_) return false;
    if (!state_->Append(j)) {
      flags_[j] = kRejected;
      continue;
    }
    flags_[j] = kPassive;
    ++iterations_;
    Descend();
  }
  return true;
}

bool ActiveSetSearch::Refine(const double* exact_gradient) {
  state_->Refine(exact_gradient);
  Descend();
  return Run();
}

uint32_t ActiveSetSearch::Steepest() const {
  const double* gradient = state_->gradient();
  uint32_t best = k_;
  double best_gradient = 0;
  for (uint32_t j = 0; j < k_; ++j) {
    if (flags_[j] == kFree && gradient[j] > best_gradient && gradient[j] > noise_ * norms_[j] && norms_[j] > 0) {
      best = j;
      best_gradient = gradient[j];
    }
  }
  return best;
}

void ActiveSetSearch::Descend() {
  for (;;) {
    const double* z = state_->Solve();
    const uint32_t* passive = state_->passive();
    const uint32_t size = state_->size();
    double step = 1;
    bool feasible = true;
    for (uint32_t i = 0; i < size; ++i) {
      if (z[i] > 0) continue;
      const double v = v_[passive[i]];
      step = std::min(step, v > 0 ? v / (v - z[i]) : 0.0);
      feasible = false;
    }
    if (feasible) {
      for (uint32_t i = 0; i < size; ++i) v_[passive[i]] = z[i];
      return;
    }
    // From the back, so that the positions still to come stay what they are; removing leaves z alone.
    for (uint32_t i = size; i-- > 0;) {
      const uint32_t j = passive[i];
      double& v = v_[j];
      const bool hits_bound = z[i] <= 0 && (v > 0 ? v / (v - z[i]) : 0.0) <= step;
      v = hits_bound ? 0.0 : v + step * (z[i] - v);
      if (!hits_bound) continue;
      state_->Remove(i);
      flags_[j] = kFree;
    }
    // With fewer passive rows, those that were combinations of them may no longer be.
    for (uint32_t j = 0; j < k_; ++j) {
      if (flags_[j] == kRejected) flags_[j] = kFree;
    }
  }
}

}  // namespace kindred
