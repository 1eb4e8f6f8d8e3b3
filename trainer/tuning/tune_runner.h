// One run of a tuning after another: train, pack, measure. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/engine/model.h"
#include "trainer/data/event_log.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/families/train.h"
#include "trainer/tuning/recipe_parameters.h"
#include "trainer/tuning/tune.h"
#include "trainer/tuning/tune_results.h"

namespace kindred {

// What TriedRun::status says.
inline constexpr std::string_view kDone = "done", kSkipped = "skipped", kFailed = "failed";

// Validation and test events: read like those of the training, but for what bounds the training itself.
absl::StatusOr<EventLog> ReadHeldOut(const TrainOptions& train, const std::vector<std::string>& paths,
                                     Progress* progress);

// A model of `train` against what was held out, in its default space, with values where the space predicts them.
absl::StatusOr<Evaluation> MeasureModel(std::shared_ptr<const Model> model, const EventLog& train,
                                        const EventLog& held_out, EvaluateOptions options, Progress* progress);

class TuneRunner {
 public:
  // All outlive this. Removes what a tuning that was killed left of its runs' bundles.
  TuneRunner(const TuneOptions& options, Recipe* recipe, const RecipeParameters& parameters);
  ~TuneRunner();
  TuneRunner(const TuneRunner&) = delete;
  TuneRunner& operator=(const TuneRunner&) = delete;

  // Training and validation events. Errors of reading.
  absl::Status Read(Progress* progress);

  // Fills in `run`, whose parameters are those of the recipe now. Errors other than that this run cannot be trained.
  absl::Status Run(TriedRun* run);

 private:
  void RemoveBundles() const;
  absl::StatusOr<BundleInfo> Train(Progress* progress) const;
  std::string Unreached(const BundleInfo& info) const;

  const TuneOptions& options_;
  Recipe* const recipe_;
  const RecipeParameters& parameters_;
  const std::string bundle_;
  TrainingInput input_;
  EventLog valid_;
};

}  // namespace kindred
