// The family "mf": biased matrix factorization of explicit ratings (mf.h); its scores are predicted ratings.
#pragma once

#include "trainer/families/factor_family.h"
#include "trainer/families/family.h"
#include "trainer/families/mf.h"

namespace kindred {

class MfFamily final : public Family {
 public:
  std::string_view name() const override { return "mf"; }
  std::string_view summary() const override {
    return "Biased matrix factorization of explicit ratings: fitted to the ratings there are, predicts the others";
  }
  void Describe(ParameterList* parameters) override;
  std::string_view size_parameter() const override { return "factors"; }
  // Anything else in the score would make it no rating.
  double default_prior_weight() const override { return 0; }
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  MfOptions options_;
  ValueTransform transform_ = ValueTransform::kIdentity;
};

}  // namespace kindred
