// The family "popular": the same list for everyone, what most users want, or lately wanted (requirement D12). The
// baseline that every other family has to beat, and what answers when nothing is known of a user.
#pragma once

#include "trainer/families/family.h"

namespace kindred {

enum class PopularityCount : uint8_t {
  kUsers,   // distinct users of the item
  kEvents,  // events, times the weight of their actions
  kValue,   // values of the events, times the weight of their actions; a negative sum is 0
};

struct PopularOptions {
  PopularityCount count = PopularityCount::kUsers;
  double decay_days =
      0;  // an event counts 2^−(age / decay_days), age from the newest event of all; 0 = all count alike
};

// [n_items]. FAILED_PRECONDITION when decay_days is given and the events have no times; INVALID_ARGUMENT when a sum
// does not fit a float. O(events · log events).
absl::StatusOr<std::vector<float>> Popularity(const TrainingData& data, const PopularOptions& options);

class PopularFamily final : public Family {
 public:
  std::string_view name() const override { return "popular"; }
  std::string_view summary() const override {
    return "Popularity: one list for everyone, by users, events or values, all of them or the recent ones";
  }
  void Describe(ParameterList* parameters) override;
  double default_prior_weight() const override { return 1; }
  bool allows_negative() const override { return options_.count == PopularityCount::kValue; }
  absl::StatusOr<TrainedSpace> Train(const TrainingData& data, std::string_view space, Progress* progress) override;

 private:
  PopularOptions options_;
};

}  // namespace kindred
