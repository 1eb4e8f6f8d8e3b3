// The family "nmf": non-negative matrix factorization of the transformed values (requirement D1).
#pragma once

#include "trainer/families/factor_family.h"
#include "trainer/families/family.h"
#include "trainer/families/nmf.h"

namespace kindred {

// α of the command: as good as 0 and 5 on the sample within the noise, and every fold-in has one answer.
inline constexpr double kDefaultAlpha = 1.0;

class NmfFamily final : public Family {
 public:
  NmfFamily() { options_.alpha = kDefaultAlpha; }
  std::string_view name() const override { return "nmf"; }
  std::string_view summary() const override {
    return "Non-negative matrix factorization: factors that only add up, so each reads as a trait";
  }
  void Describe(ParameterList* parameters) override;
  std::string_view size_parameter() const override { return "factors"; }
  double default_prior_weight() const override { return kFactorPriorWeight; }
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  NmfOptions options_;
  ValueTransform transform_ = ValueTransform::kLog1p;
};

}  // namespace kindred
