// The family "item2vec": vectors of items that occur near one another in sessions; a user is the mean of the vectors of
// what they did (requirements A2–A4).
#pragma once

#include "trainer/families/family.h"
#include "trainer/families/token_vectors.h"

namespace kindred {

class Item2vecFamily final : public Family {
 public:
  Item2vecFamily();
  std::string_view name() const override { return "item2vec"; }
  std::string_view summary() const override {
    return "Item2vec: vectors of items that occur near one another in sessions; the strongest for similar items";
  }
  void Describe(ParameterList* parameters) override;
  std::string_view size_parameter() const override { return "factors"; }
  double default_prior_weight() const override;
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  enum class Scoring : uint8_t { kInput, kOutput };

  TokenVectorOptions options_;
  Scoring scoring_ = Scoring::kInput;
};

}  // namespace kindred
