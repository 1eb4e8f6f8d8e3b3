// The family "svd": truncated singular value decomposition of the transformed values.
#pragma once

#include "trainer/families/factor_family.h"
#include "trainer/families/family.h"
#include "trainer/families/svd.h"

namespace kindred {

class SvdFamily final : public Family {
 public:
  std::string_view name() const override { return "svd"; }
  std::string_view summary() const override {
    return "Truncated singular value decomposition: the best factors of their number in the least-squares sense";
  }
  void Describe(ParameterList* parameters) override;
  std::string_view size_parameter() const override { return "factors"; }
  double default_prior_weight() const override { return kFactorPriorWeight; }
  // Only where the value itself is factorized does a negative one mean something.
  bool allows_negative() const override { return transform_ == ValueTransform::kIdentity; }
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  SvdOptions options_;
  ValueTransform transform_ = ValueTransform::kLog1p;
};

}  // namespace kindred
