#include "trainer/evaluation/model_ranker.h"

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred {

ModelRanker::ModelRanker(std::shared_ptr<const Model> model, const Space* space)
    : model_(std::move(model)), space_(space), recommender_(*model_) {}

absl::StatusOr<std::unique_ptr<const ModelRanker>> ModelRanker::Create(std::shared_ptr<const Model> model,
                                                                       std::string_view space) {
  const Space* found = model->FindSpace(space);
  if (found == nullptr) {
    std::vector<std::string_view> names;
    for (const auto& each : model->spaces()) names.push_back(each->name);
    return absl::NotFoundError(StrCat(model->info().path, ": no space '", space, "'; it has: ", StrJoin(names, ", ")));
  }
  return std::unique_ptr<const ModelRanker>(new ModelRanker(std::move(model), found));
}

absl::StatusOr<RankerInfo> ModelRanker::Info() const {
  return RankerInfo{model_->name(), model_->version(), model_->digest(), space_->name};
}

absl::Status ModelRanker::Rank(const RankRequest& request, RankAnswer* answer) const {
  // One a thread: warm after its first requests, gone with the thread.
  thread_local EngineScratch scratch;
  thread_local RecommendResult result;
  std::vector<EventView> events;
  events.reserve(request.events.size());
  for (const RankEvent& event : request.events) {
    events.push_back({event.item_id, event.weight, event.action, event.time_ms});
  }
  SubjectView subject;
  subject.user_id = request.user_id;
  subject.inline_events = events;
  RecommendOptions options;
  options.space = space_->name;
  options.k = request.k;
  options.include_seen = request.include_seen;
  options.explain = request.split_prior;
  options.exclude_item_ids = request.exclude_item_ids;
  options.candidate_item_ids = request.candidate_item_ids;
  RETURN_IF_ERROR(recommender_.Recommend(subject, options, &scratch, &result));
  answer->items.clear();
  answer->scores.clear();
  answer->priors.clear();
  for (const ScoredItem& item : result.items) {
    answer->items.emplace_back(model_->items().Id(item.item));
    answer->scores.push_back(item.score);
  }
  if (request.split_prior) answer->priors.assign(result.prior_terms.begin(), result.prior_terms.end());
  answer->source = AnswerSourceName(result.source);
  answer->missing_ids.assign(result.missing_ids.begin(), result.missing_ids.end());
  return absl::OkStatus();
}

}  // namespace kindred
