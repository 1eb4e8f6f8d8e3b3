#include "core/engine/recommender.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace kindred {
namespace {

void SortUnique(std::vector<uint32_t>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

// Sums the weights of the events per known item into `history`, by ascending item.
void AggregateHistory(const IdTable& items, std::span<const EventView> events, std::vector<ItemWeight>* history,
                      std::vector<std::string_view>* missing_ids) {
  history->clear();
  for (const EventView& event : events) {
    const auto item = items.Find(event.item_id);
    if (item.has_value()) {
      history->push_back({*item, event.weight});
    } else if (missing_ids != nullptr) {
      missing_ids->push_back(event.item_id);
    }
  }
  // Equal items in the order of their events, so that the sum does not depend on the sort.
  std::stable_sort(history->begin(), history->end(),
                   [](const ItemWeight& a, const ItemWeight& b) { return a.item < b.item; });
  size_t kept = 0;
  for (const ItemWeight& entry : *history) {
    if (kept > 0 && (*history)[kept - 1].item == entry.item) {
      (*history)[kept - 1].weight += entry.weight;
    } else {
      (*history)[kept++] = entry;
    }
  }
  history->resize(kept);
}

bool IsZero(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return x == 0; });
}

// u/‖u‖ for a space ranked by cosine; the norm in double, so that no vector overflows it.
void Normalize(std::span<float> vector) {
  double sum = 0;
  for (float x : vector) sum += static_cast<double>(x) * x;
  if (sum == 0) return;
  const double inverse = 1 / std::sqrt(sum);
  for (float& x : vector) x = static_cast<float>(x * inverse);
}

void AppendKnown(const IdTable& items, std::span<const std::string_view> ids, std::vector<uint32_t>* known,
                 std::vector<std::string_view>* missing_ids) {
  for (std::string_view id : ids) {
    const auto item = items.Find(id);
    if (item.has_value()) {
      known->push_back(*item);
    } else {
      missing_ids->push_back(id);
    }
  }
}

// The popularity rung: the k most popular admissible items, scored by their popularity.
void MostPopular(const Model& model, uint32_t k, std::span<const uint32_t> excluded,
                 std::span<const uint32_t> candidates, bool restricted, std::vector<ScoredItem>* out) {
  const auto popularity = model.popularity();
  for (uint32_t item : model.popularity_order()) {
    if (out->size() >= k) break;
    if (std::binary_search(excluded.begin(), excluded.end(), item)) continue;
    if (restricted && !std::binary_search(candidates.begin(), candidates.end(), item)) continue;
    out->push_back({item, popularity.empty() ? 0.0f : popularity[item]});
  }
}

void Explain(const Space& space, std::span<const float> vector, RecommendResult* result) {
  const size_t dim = space.spec.dim;
  const ScanSpace& scan = space.recommend;
  const auto prior_weight = static_cast<float>(space.spec.prior_weight);
  result->terms.resize(result->items.size() * dim);
  result->prior_terms.resize(result->items.size());
  for (size_t i = 0; i < result->items.size(); ++i) {
    const uint32_t item = result->items[i].item;
    const float multiplier = scan.multipliers.empty() ? 1.0f : scan.multipliers[item];
    const float* x = &scan.items[item * dim];
    for (size_t j = 0; j < dim; ++j) result->terms[i * dim + j] = vector[j] * x[j] * multiplier;
    result->prior_terms[i] = scan.prior.empty() ? 0.0f : prior_weight * scan.prior[item];
  }
}

absl::Status NoSuchSpace(const Model& model, std::string_view name) {
  return absl::NotFoundError(absl::StrFormat(
      "model '%s' has no space '%s'; it has: %s", model.name(), name,
      absl::StrJoin(model.spaces(), ", ", [](std::string* out, const auto& space) { out->append(space->name); })));
}

}  // namespace

std::string_view AnswerSourceName(AnswerSource source) {
  switch (source) {
    case AnswerSource::kLiveProfile:
      return "live_profile";
    case AnswerSource::kBlendedProfile:
      return "blended_profile";
    case AnswerSource::kTrainedVector:
      return "trained_vector";
    case AnswerSource::kInlineEvents:
      return "inline_events";
    case AnswerSource::kAverage:
      return "average";
    case AnswerSource::kPopularity:
      return "popularity";
  }
  return "popularity";
}

AnswerSource Recommender::Resolve(const SubjectView& subject, const Space& space, EngineScratch* scratch,
                                  std::vector<std::string_view>* missing_ids) const {
  const size_t dim = space.spec.dim;
  std::vector<float>& vector = scratch->vector;
  vector.assign(dim, 0.0f);

  std::span<const float> trained;
  if (!subject.user_id.empty() && !space.users.empty()) {
    const auto user = model_.users().Find(subject.user_id);
    if (user.has_value()) trained = space.users.subspan(*user * dim, dim);
  }
  if (!subject.live_history.empty()) {
    AggregateHistory(model_.items(), subject.live_history, &scratch->history, nullptr);
    if (!scratch->history.empty()) {
      space.fold_in->Solve(scratch->history, vector, &scratch->fold_in);
      if (!trained.empty()) {
        for (size_t j = 0; j < dim; ++j) vector[j] = kTrainedBlend * trained[j] + (1 - kTrainedBlend) * vector[j];
        return AnswerSource::kBlendedProfile;
      }
      // A history that says nothing in this space (all zeros) leaves the question to the next rung.
      if (!IsZero(vector)) return AnswerSource::kLiveProfile;
    }
  }
  if (!trained.empty() && !IsZero(trained)) {
    std::copy(trained.begin(), trained.end(), vector.begin());
    return AnswerSource::kTrainedVector;
  }
  if (!subject.inline_events.empty()) {
    AggregateHistory(model_.items(), subject.inline_events, &scratch->history, missing_ids);
    if (!scratch->history.empty()) {
      space.fold_in->Solve(scratch->history, vector, &scratch->fold_in);
      if (!IsZero(vector)) return AnswerSource::kInlineEvents;
    }
  }
  if (!IsZero(space.average)) {
    std::copy(space.average.begin(), space.average.end(), vector.begin());
    return AnswerSource::kAverage;
  }
  return AnswerSource::kPopularity;
}

absl::Status Recommender::Recommend(const SubjectView& subject, const RecommendOptions& options, EngineScratch* scratch,
                                    RecommendResult* result) const {
  result->items.clear();
  result->missing_ids.clear();
  result->terms.clear();
  result->prior_terms.clear();
  const Space* space = model_.FindSpace(options.space);
  if (space == nullptr) return NoSuchSpace(model_, options.space);
  result->space = space;
  result->source = Resolve(subject, *space, scratch, &result->missing_ids);

  scratch->excluded.clear();
  AppendKnown(model_.items(), options.exclude_item_ids, &scratch->excluded, &result->missing_ids);
  if (!options.include_seen) {
    const auto user = subject.user_id.empty() ? std::nullopt : model_.users().Find(subject.user_id);
    if (user.has_value()) {
      const auto seen = model_.Seen(*user);
      scratch->excluded.insert(scratch->excluded.end(), seen.begin(), seen.end());
    }
    for (auto events : {subject.live_history, subject.inline_events}) {
      for (const EventView& event : events) {
        const auto item = model_.items().Find(event.item_id);
        if (item.has_value()) scratch->excluded.push_back(*item);
      }
    }
  }
  SortUnique(&scratch->excluded);
  const bool restricted = !options.candidate_item_ids.empty();
  scratch->candidates.clear();
  AppendKnown(model_.items(), options.candidate_item_ids, &scratch->candidates, &result->missing_ids);
  SortUnique(&scratch->candidates);
  std::sort(result->missing_ids.begin(), result->missing_ids.end());
  result->missing_ids.erase(std::unique(result->missing_ids.begin(), result->missing_ids.end()),
                            result->missing_ids.end());

  if (result->source == AnswerSource::kPopularity) {
    MostPopular(model_, options.k, scratch->excluded, scratch->candidates, restricted, &result->items);
    if (options.explain) {
      result->terms.assign(result->items.size() * space->spec.dim, 0.0f);
      for (const ScoredItem& item : result->items) result->prior_terms.push_back(item.score);
    }
    return absl::OkStatus();
  }
  if (space->spec.metric == Metric::kCosine) Normalize(scratch->vector);
  TopKQuery query;
  query.vector = scratch->vector;
  query.prior_weight = static_cast<float>(space->spec.prior_weight);
  query.k = options.k;
  query.excluded = scratch->excluded;
  const auto best = restricted ? TopKOf(space->recommend, query, scratch->candidates, &scratch->topk)
                               : TopK(space->recommend, query, &scratch->topk);
  result->items.assign(best.begin(), best.end());
  if (options.explain) Explain(*space, scratch->vector, result);
  return absl::OkStatus();
}

absl::Status Recommender::SimilarItems(std::string_view item_id, std::string_view space_name, uint32_t k,
                                       EngineScratch* scratch, RecommendResult* result) const {
  result->items.clear();
  result->missing_ids.clear();
  result->terms.clear();
  result->prior_terms.clear();
  const Space* space = model_.FindSpace(space_name);
  if (space == nullptr) return NoSuchSpace(model_, space_name);
  result->space = space;
  const auto item = model_.items().Find(item_id);
  if (!item.has_value()) {
    return absl::NotFoundError(absl::StrFormat("model '%s' has no item '%s'", model_.name(), item_id));
  }
  const size_t dim = space->spec.dim;
  const auto row = space->items.subspan(*item * dim, dim);
  scratch->vector.assign(row.begin(), row.end());
  Normalize(scratch->vector);
  scratch->excluded.assign(1, *item);
  TopKQuery query;
  query.vector = scratch->vector;
  query.k = k;
  query.excluded = scratch->excluded;
  const auto best = TopK(space->similar, query, &scratch->topk);
  result->items.assign(best.begin(), best.end());
  return absl::OkStatus();
}

}  // namespace kindred
