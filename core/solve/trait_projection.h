// Traits of a customer (requirement A6): a mean token vector → a profile over k traits by non-negative least squares on
// the trait basis H, and the profile → the vector that is scored. Trainer and engine share it, so that a trained
// customer is what serving makes of the same events. Immutable and thread-safe once made; scratch is per thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/solve/nnls.h"

namespace kindred {

struct TraitScratch {
  std::vector<double> shifted;  // [d_e]
  NnlsScratch nnls;
};

// e − min(e) + 1e-6, in place: what makes a mean token vector non-negative (A5).
void ShiftToPositive(std::span<double> e);

class TraitProjection {
 public:
  // basis: H [k × d_e], row-major; average_profile: p̄ [k], of the customers. INVALID_ARGUMENT when a shape is empty or
  // does not fit, or a number is not finite.
  static absl::StatusOr<TraitProjection> Create(std::span<const float> basis, uint32_t k, uint32_t d_e,
                                                std::span<const float> average_profile);

  uint32_t k() const { return k_; }
  uint32_t embedding() const { return d_e_; }

  // e: [d_e], not shifted → p: [k] = w / (Σw + 1e-6), w = argmin_{w ≥ 0} ‖shifted e − Hᵀw‖. The average profile when e
  // is not finite. O(k · (k + d_e)) a passive trait.
  void Profile(std::span<const double> e, std::span<float> p, TraitScratch* scratch) const;

  // p: [k] → u: [k] = (p − p̄) / ‖(p − p̄)H‖, so that u · (unit item vector · Hᵀ) is the cosine between the item and what
  // sets the customer apart; zeros when p = p̄ to rounding.
  void Query(std::span<const float> p, std::span<float> u) const;

  // The average profile in the place of a customer of whom nothing is known (A7).
  std::span<const float> average_profile() const { return average_; }

 private:
  TraitProjection(NnlsSolver solver, uint32_t k, uint32_t d_e) : solver_(std::move(solver)), k_(k), d_e_(d_e) {}

  NnlsSolver solver_;
  uint32_t k_, d_e_;
  std::vector<double> gram_;    // [k × k], HHᵀ
  std::vector<float> average_;  // [k]
};

}  // namespace kindred
