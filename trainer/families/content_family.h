// The family "content": items that are alike by what is known of them, text, categories and numbers (requirements E2,
// E3). It needs no interaction of an item to recommend it.
#pragma once

#include <string>
#include <vector>

#include "trainer/families/content_features.h"
#include "trainer/families/factor_family.h"
#include "trainer/families/family.h"

namespace kindred {

// The features' largest singular directions (latent semantic analysis) as a dense space: a user is the mean of the
// items touched, weighted by their share of the values, and scores are cosines. With dims = 0 the features themselves
// as a sparse space: exact, and every word, category and number counts.
class ContentFamily final : public Family {
 public:
  std::string_view name() const override { return "content"; }
  std::string_view summary() const override {
    return "Content: items alike by text, categories and numbers, those included that nobody touched yet";
  }
  void Describe(ParameterList* parameters) override;
  std::string_view size_parameter() const override { return "dims"; }
  double default_prior_weight() const override { return kFactorPriorWeight; }
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  uint32_t dims_ = 64;
  ContentFeatureOptions options_;
  std::vector<std::string> stop_words_;
  ValueTransform transform_ = ValueTransform::kLog1p;
};

}  // namespace kindred
