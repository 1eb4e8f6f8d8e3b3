#include "core/engine/recommender.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/engine/contributions.h"
#include "core/engine/distinct_ids.h"
#include "core/engine/explanation.h"
#include "core/engine/subject_ranking.h"

namespace kindred {
namespace {

template <typename T>
void SortUnique(std::vector<T>* values) {
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

void Clear(RecommendResult* result) {
  result->items.clear();
  result->more = false;
  result->missing_ids.clear();
  result->missing_categories.clear();
  result->blended_spaces.clear();
  result->spaces_missing = false;
  result->parts.clear();
  result->terms.clear();
  result->prior_terms.clear();
  result->history_terms.clear();
  result->history_begin.clear();
  result->blend_terms.clear();
  result->boost_terms.clear();
  result->contributions.contributions.clear();
  result->contributions.begin.clear();
}

// The items of the page that the options ask for, of a list that `builder` makes.
void TakePage(const RecommendOptions& options, const ListShape& shape, uint32_t n_items, ListBuilder* builder,
              RecommendResult* result) {
  uint64_t begin = options.offset;
  uint64_t wanted = begin + options.k + 1;
  std::span<const ScoredItem> list;
  while (true) {
    wanted = std::min<uint64_t>(wanted, n_items);
    list = builder->Build(static_cast<uint32_t>(wanted), shape);
    if (!options.after.has_value()) break;
    // Where the last page ended, whatever has come before it since or is gone.
    begin = static_cast<uint64_t>(
        std::partition_point(list.begin(), list.end(),
                             [&](const ScoredItem& item) { return !RanksBefore(*options.after, item); }) -
        list.begin());
    if (begin + options.k < list.size() || list.size() < wanted || wanted == n_items) break;
    wanted *= 2;
  }
  begin = std::min<uint64_t>(begin, list.size());
  const size_t count = std::min<size_t>(options.k, list.size() - begin);
  const auto page = list.subspan(begin, count);
  result->items.assign(page.begin(), page.end());
  result->more = begin + count < list.size();
}

// What all subjects have in common.
void CopyShared(const RecommendResult& shared, RecommendResult* result) {
  Clear(result);
  result->space = shared.space;
  result->missing_ids = shared.missing_ids;
  result->missing_categories = shared.missing_categories;
  result->blended_spaces = shared.blended_spaces;
  result->spaces_missing = shared.spaces_missing;
}

}  // namespace

void Recommender::AddMissingEvents(const SubjectView& subject, AnswerSource source,
                                   std::vector<std::string_view>* missing_ids) const {
  const bool asked_events = source != AnswerSource::kLiveProfile && source != AnswerSource::kBlendedProfile &&
                            source != AnswerSource::kTrainedVector;
  if (!asked_events) return;
  for (const EventView& event : subject.inline_events) {
    if (!model_.items().Find(event.item_id).has_value()) missing_ids->push_back(event.item_id);
  }
}

AnswerSource Recommender::Resolve(const SubjectView& subject, const Space& space, EngineScratch* scratch,
                                  std::vector<std::string_view>* missing_ids) const {
  const AnswerSource source = SubjectResolver(model_, scratch).Resolve(subject, space);
  if (missing_ids != nullptr) AddMissingEvents(subject, source, missing_ids);
  return source;
}

absl::Status Recommender::Recommend(const SubjectView& subject, const RecommendOptions& options, EngineScratch* scratch,
                                    RecommendResult* result) const {
  RETURN_IF_ERROR(Plan(options, scratch, &scratch->shared));
  Answer(subject, options, scratch->shared, scratch, result);
  return absl::OkStatus();
}

absl::Status Recommender::Plan(const RecommendOptions& options, EngineScratch* scratch, RecommendResult* shared) const {
  Clear(shared);
  RETURN_IF_ERROR(PlanRequest(model_, options, &scratch->admission, &scratch->plan, &shared->missing_ids,
                              &shared->missing_categories));
  SortUnique(&shared->missing_categories);
  shared->space = &scratch->plan.space();
  shared->spaces_missing = scratch->plan.spaces_missing;
  if (scratch->plan.blended) {
    for (const ItemSimilarity::Part& part : scratch->plan.parts) shared->blended_spaces.push_back(part.space->name);
  }
  return absl::OkStatus();
}

void Recommender::Answer(const SubjectView& subject, const RecommendOptions& options, const RecommendResult& shared,
                         EngineScratch* scratch, RecommendResult* result) const {
  const RequestPlan& plan = scratch->plan;
  CopyShared(shared, result);
  const SubjectRanking ranked = RankFor(model_, plan, subject, scratch);
  result->source = ranked.source;
  AddMissingEvents(subject, ranked.source, &result->missing_ids);
  KeepFirstOfEach(&result->missing_ids, &scratch->id_slots);
  const Admission admission =
      options.include_seen ? plan.admission
                           : WithoutSeen(model_, subject, plan.admission, &scratch->admission, &scratch->excluded);
  ListShape shape;
  shape.min_score = options.min_score;
  shape.max_per_category = options.max_per_category;
  shape.category_prefix = options.category_prefix;
  shape.diversity = options.diversity;
  const ItemSimilarity similarity(plan.parts);
  ListBuilder builder(model_, ranked.ranking, admission, similarity, &scratch->ranking, &scratch->list);
  TakePage(options, shape, model_.n_items(), &builder, result);
  if (!options.explain) return;
  ExplainItems(plan, ranked.source, *scratch, result);
  if (!options.contributions) return;
  // Last: it works in the same scratch.
  if (plan.blended) {
    BlendContributions(model_, plan.parts, subject, result->items, scratch, &result->contributions);
  } else {
    Contributions(model_, plan.space(), subject, ranked.source, result->items, scratch, &result->contributions);
  }
}

void Recommender::AnswerMany(std::span<const SubjectView> subjects, const RecommendOptions& options,
                             const RecommendResult& shared, EngineScratch* scratch,
                             std::span<RecommendResult> results) const {
  const RequestPlan& plan = scratch->plan;
  const bool together = !options.explain && !options.after.has_value() && options.max_per_category == 0 &&
                        !options.diversity.has_value() && !plan.admission.restricted;
  TopKQuery queries[kBatchGroup];
  size_t places[kBatchGroup];
  size_t scanned = 0;
  for (size_t i = 0; i < subjects.size(); ++i) {
    const SubjectRanking ranked = together ? RankFor(model_, plan, subjects[i], scratch) : SubjectRanking();
    if (ranked.ranking.scan == nullptr) {
      Answer(subjects[i], options, shared, scratch, &results[i]);
      continue;
    }
    CopyShared(shared, &results[i]);
    results[i].source = ranked.source;
    AddMissingEvents(subjects[i], ranked.source, &results[i].missing_ids);
    KeepFirstOfEach(&results[i].missing_ids, &scratch->id_slots);
    const Admission admission = options.include_seen ? plan.admission
                                                     : WithoutSeen(model_, subjects[i], plan.admission,
                                                                   &scratch->admission, &scratch->batch_excluded[i]);
    scratch->batch_vectors[scanned].assign(ranked.ranking.vector.begin(), ranked.ranking.vector.end());
    TopKQuery& query = queries[scanned];
    query.vector = scratch->batch_vectors[scanned];
    query.prior_weight = ranked.ranking.prior_weight;
    query.k = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{options.offset} + options.k + 1, model_.n_items()));
    query.allowed = admission.allowed;
    query.excluded = admission.excluded;
    places[scanned++] = i;
  }
  const auto lists = TopKBatch(plan.scan, std::span(queries, scanned), &scratch->batch);
  for (size_t s = 0; s < scanned; ++s) {
    RecommendResult& result = results[places[s]];
    std::span<const ScoredItem> list = lists[s];
    if (options.min_score.has_value()) {
      const auto reaching = std::partition_point(
          list.begin(), list.end(), [&](const ScoredItem& item) { return item.score >= *options.min_score; });
      list = list.first(static_cast<size_t>(reaching - list.begin()));
    }
    const size_t begin = std::min<size_t>(options.offset, list.size());
    const auto page = list.subspan(begin, std::min<size_t>(options.k, list.size() - begin));
    result.items.assign(page.begin(), page.end());
    result.more = begin + page.size() < list.size();
  }
}

absl::Status Recommender::SimilarItems(std::string_view item_id, std::string_view space_name, uint32_t k,
                                       EngineScratch* scratch, RecommendResult* result,
                                       std::span<const uint64_t> available) const {
  Clear(result);
  const Space* space = model_.FindSpace(space_name);
  if (space == nullptr) return SpaceNotFound(model_, space_name);
  result->space = space;
  const auto item = model_.items().Find(item_id);
  if (!item.has_value()) {
    return absl::NotFoundError(absl::StrFormat("model '%s' has no item '%s'", model_.name(), item_id));
  }
  scratch->excluded.assign(1, *item);
  if (IsSparse(space->spec.fold_in)) {
    scratch->coefficients.assign(1, {*item, 1.0});
    NormalizeCoefficients(space->sparse, RowsBy::kItem, &scratch->sparse, &scratch->coefficients);
    SparseQuery query;
    query.coefficients = scratch->coefficients;
    query.multipliers = space->sparse.norms;
    query.k = k;
    query.allowed = available;
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
  query.allowed = available;
  query.excluded = scratch->excluded;
  const auto best = TopK(space->similar, query, &scratch->topk);
  result->items.assign(best.begin(), best.end());
  return absl::OkStatus();
}

}  // namespace kindred
