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

// What each item of the subject's history adds to a score in a space of sparse rows.
void ExplainByHistory(const Space& space, std::span<const ItemWeight> coefficients, RecommendResult* result) {
  const auto prior_weight = static_cast<float>(space.spec.prior_weight);
  const SparseSpace& sparse = space.sparse;
  result->history_begin.assign(1, 0);
  for (const ScoredItem& scored : result->items) {
    const double multiplier = sparse.multipliers.empty() ? 1.0 : sparse.multipliers[scored.item];
    for (const ItemWeight& entry : coefficients) {
      const double value = entry.weight * SparseKernel(sparse, entry.item, scored.item) * multiplier;
      if (value != 0) result->history_terms.push_back({entry.item, static_cast<float>(value)});
    }
    result->history_begin.push_back(static_cast<uint32_t>(result->history_terms.size()));
    result->prior_terms.push_back(sparse.prior.empty() ? 0.0f : prior_weight * sparse.prior[scored.item]);
  }
}

void Clear(RecommendResult* result) {
  result->items.clear();
  result->missing_ids.clear();
  result->terms.clear();
  result->prior_terms.clear();
  result->history_terms.clear();
  result->history_begin.clear();
}

absl::Status NoSuchSpace(const Model& model, std::string_view name) {
  return absl::NotFoundError(absl::StrFormat(
      "model '%s' has no space '%s'; it has: %s", model.name(), name,
      absl::StrJoin(model.spaces(), ", ", [](std::string* out, const auto& space) { out->append(space->name); })));
}

}  // namespace

AnswerSource Recommender::Resolve(const SubjectView& subject, const Space& space, EngineScratch* scratch,
                                  std::vector<std::string_view>* missing_ids) const {
  const AnswerSource source = SubjectResolver(model_, scratch).Resolve(subject, space);
  const bool asked_events = source != AnswerSource::kLiveProfile && source != AnswerSource::kBlendedProfile &&
                            source != AnswerSource::kTrainedVector;
  if (missing_ids == nullptr || !asked_events) return source;
  for (const EventView& event : subject.inline_events) {
    if (!model_.items().Find(event.item_id).has_value()) missing_ids->push_back(event.item_id);
  }
  return source;
}

absl::Status Recommender::Recommend(const SubjectView& subject, const RecommendOptions& options, EngineScratch* scratch,
                                    RecommendResult* result) const {
  Clear(result);
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
      if (!IsSparse(space->spec.fold_in)) result->terms.assign(result->items.size() * space->spec.dim, 0.0f);
      for (const ScoredItem& item : result->items) result->prior_terms.push_back(item.score);
    }
    return absl::OkStatus();
  }
  if (IsSparse(space->spec.fold_in)) {
    SparseQuery query;
    query.coefficients = scratch->coefficients;
    query.multipliers = space->sparse.multipliers;
    query.prior = space->sparse.prior;
    query.prior_weight = static_cast<float>(space->spec.prior_weight);
    query.k = options.k;
    query.excluded = scratch->excluded;
    query.candidates = scratch->candidates;
    query.restricted = restricted;
    const auto best = SparseTopK(space->sparse, query, &scratch->sparse);
    result->items.assign(best.begin(), best.end());
    if (options.explain) ExplainByHistory(*space, scratch->coefficients, result);
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
  Clear(result);
  const Space* space = model_.FindSpace(space_name);
  if (space == nullptr) return NoSuchSpace(model_, space_name);
  result->space = space;
  const auto item = model_.items().Find(item_id);
  if (!item.has_value()) {
    return absl::NotFoundError(absl::StrFormat("model '%s' has no item '%s'", model_.name(), item_id));
  }
  scratch->excluded.assign(1, *item);
  if (IsSparse(space->spec.fold_in)) {
    scratch->coefficients.assign(1, {*item, 1.0});
    NormalizeCoefficients(space->sparse, &scratch->sparse, &scratch->coefficients);
    SparseQuery query;
    query.coefficients = scratch->coefficients;
    query.multipliers = space->sparse.norms;
    query.k = k;
    query.excluded = scratch->excluded;
    const auto best = SparseTopK(space->sparse, query, &scratch->sparse);
    result->items.assign(best.begin(), best.end());
    return absl::OkStatus();
  }
  const size_t dim = space->spec.dim;
  const auto row = space->items.subspan(*item * dim, dim);
  scratch->vector.assign(row.begin(), row.end());
  Normalize(scratch->vector);
  TopKQuery query;
  query.vector = scratch->vector;
  query.k = k;
  query.excluded = scratch->excluded;
  const auto best = TopK(space->similar, query, &scratch->topk);
  result->items.assign(best.begin(), best.end());
  return absl::OkStatus();
}

}  // namespace kindred
