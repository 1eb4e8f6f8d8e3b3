// The family "als": implicit alternating least squares, for behaviour rather than ratings (als.h).
#pragma once

#include "trainer/families/als.h"
#include "trainer/families/factor_family.h"
#include "trainer/families/family.h"

namespace kindred {

class AlsFamily final : public Family {
 public:
  std::string_view name() const override { return "als"; }
  std::string_view summary() const override {
    return "Implicit alternating least squares: what people took is wanted, the more often the surer";
  }
  void Describe(ParameterList* parameters) override;
  std::string_view size_parameter() const override { return "factors"; }
  double default_prior_weight() const override { return kFactorPriorWeight; }
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  AlsOptions options_;
  ValueTransform transform_ = ValueTransform::kLog1p;
};

}  // namespace kindred
