// Ranks by the engine over a loaded bundle, as a server does. Thread-safe.
#pragma once

#include <memory>

#include "core/engine/recommender.h"
#include "trainer/evaluation/ranker.h"

namespace kindred {

class ModelRanker : public Ranker {
 public:
  // `space` "" = the bundle's default. NOT_FOUND, naming those there are, when it has no such space.
  static absl::StatusOr<std::unique_ptr<const ModelRanker>> Create(std::shared_ptr<const Model> model,
                                                                   std::string_view space);

  absl::StatusOr<RankerInfo> Info() const override;
  absl::Status Rank(const RankRequest& request, RankAnswer* answer) const override;

  const Model& model() const { return *model_; }
  const Space& space() const { return *space_; }

 private:
  ModelRanker(std::shared_ptr<const Model> model, const Space* space);

  std::shared_ptr<const Model> model_;
  const Space* space_;
  Recommender recommender_;
};

}  // namespace kindred
