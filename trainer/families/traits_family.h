// The family "traits" (requirements A1–A8): what customers did becomes tokens, tokens in sessions become vectors,
// customers are the means of their tokens, and a non-negative factorization of those gives k traits in which everybody
// has a profile.
#pragma once

#include "trainer/families/family.h"
#include "trainer/families/token_vectors.h"

namespace kindred {

class TraitsFamily final : public Family {
 public:
  std::string_view name() const override { return "traits"; }
  std::string_view summary() const override {
    return "Traits: a profile of every customer over a few interpretable traits, from the order of what they did";
  }
  void Describe(ParameterList* parameters) override;
  std::string_view size_parameter() const override { return "traits"; }
  double default_prior_weight() const override;
  // The space's users are profiles p: [n_users × k], as the bundle format has it; zeros for a customer of too few
  // tokens (A7).
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  TokenVectorOptions options_;
  uint32_t traits_ = 32;
  uint32_t iterations_ = 200;
  double tolerance_ = 1e-4;
  ValueTransform transform_ = ValueTransform::kIdentity;
};

}  // namespace kindred
