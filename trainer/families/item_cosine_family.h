// The family "item_cosine": items like those that a user has, by who wanted both (requirement E1). A sparse space of
// each item's best neighbours; score_j = Σ over the user's items i of r_i · S_ij.
#pragma once

#include "trainer/families/factor_family.h"
#include "trainer/families/family.h"
#include "trainer/families/item_cosine.h"

namespace kindred {

class ItemCosineFamily final : public Family {
 public:
  std::string_view name() const override { return "item_cosine"; }
  std::string_view summary() const override {
    return "Item-item cosine: items that the same users want, the best neighbours of each";
  }
  void Describe(ParameterList* parameters) override;
  std::string_view size_parameter() const override { return "neighbors"; }
  double default_prior_weight() const override { return kFactorPriorWeight; }
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  ItemCosineOptions options_;
  ValueTransform transform_ = ValueTransform::kLog1p;
  bool by_users_ = false;  // similarities ask who has both items, not how much of them
};

}  // namespace kindred
