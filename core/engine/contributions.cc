#include "core/engine/contributions.h"

#include <algorithm>
#include <cmath>

#include "core/topk/best_k.h"

namespace kindred {
namespace {

// The `count` entries of largest weight, whatever its sign, the lower item among equals; in no order.
void KeepLargest(size_t count, std::vector<ItemWeight>* history) {
  std::erase_if(*history, [](const ItemWeight& entry) { return !std::isfinite(entry.weight); });
  if (history->size() <= count) return;
  std::nth_element(history->begin(), history->begin() + static_cast<int64_t>(count), history->end(),
                   [](const ItemWeight& a, const ItemWeight& b) {
                     const double left = std::abs(a.weight), right = std::abs(b.weight);
                     return left != right ? left > right : a.item < b.item;
                   });
  history->resize(count);
}

void AddEvents(const Model& model, const Space& space, std::span<const EventView> events, EngineScratch* scratch) {
  WeighEvents(space.spec, events, &scratch->worth);
  SumPerItem(model.items(), events, scratch->worth, &scratch->history);
  MergeCoefficients(1, 1, scratch->history, &scratch->merged, &scratch->contributions.history);
}

// The history that `source` speaks of, into scratch->contributions.history.
void GatherHistory(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                   EngineScratch* scratch) {
  std::vector<ItemWeight>& history = scratch->contributions.history;
  history.clear();
  bool seen = source == AnswerSource::kTrainedVector;
  switch (source) {
    case AnswerSource::kLiveProfile:
    case AnswerSource::kBlendedProfile:
      AddEvents(model, space, subject.live_history, scratch);
      break;
    case AnswerSource::kInlineEvents:
      AddEvents(model, space, subject.inline_events, scratch);
      break;
    case AnswerSource::kCategory:
      // Items of whichever of them spoke; the others come to 0.
      AddEvents(model, space, subject.live_history, scratch);
      AddEvents(model, space, subject.inline_events, scratch);
      seen = history.empty();
      break;
    case AnswerSource::kTrainedVector:
    case AnswerSource::kPrecomputed:
    case AnswerSource::kAverage:
    case AnswerSource::kPopularity:
      break;
  }
  if (seen && !subject.user_id.empty()) {
    const auto user = model.users().Find(subject.user_id);
    if (user.has_value()) SeenHistory(model, *user, /*count_each=*/true, &history);
  }
  KeepLargest(seen ? kMaxContributingTrained : kMaxContributingItems, &history);
}

// What ranks by `vector`: its unit vector where the space ranks by cosine.
double ScaleOf(const Space& space, std::span<const float> vector) {
  if (space.spec.metric != Metric::kCosine) return 1;
  double sum = 0;
  for (float x : vector) sum += static_cast<double>(x) * x;
  return sum > 0 ? 1 / std::sqrt(sum) : 0;
}

// values: [history × items] of a space of an item matrix.
void LeaveEachOut(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                  std::span<const ScoredItem> items, EngineScratch* scratch) {
  ContributionScratch& own = scratch->contributions;
  SubjectResolver resolver(model, scratch);
  const size_t dim = space.spec.dim;
  resolver.ResolveWithout(subject, space, source, SubjectResolver::kNoItem);
  own.whole.resize(dim);
  const double scale = ScaleOf(space, scratch->vector);
  for (size_t j = 0; j < dim; ++j) own.whole[j] = scale * scratch->vector[j];
  own.difference.resize(dim);
  own.values.assign(own.history.size() * items.size(), 0.0f);
  const ScanSpace& scan = space.recommend;
  for (size_t h = 0; h < own.history.size(); ++h) {
    resolver.ResolveWithout(subject, space, source, own.history[h].item);
    const double without = ScaleOf(space, scratch->vector);
    bool any = false;
    for (size_t j = 0; j < dim; ++j) {
      own.difference[j] = own.whole[j] - without * scratch->vector[j];
      any = any || own.difference[j] != 0;
    }
    if (!any) continue;
    for (size_t i = 0; i < items.size(); ++i) {
      const uint32_t item = items[i].item;
      const float* x = &scan.items[size_t{item} * dim];
      double sum = 0;
      for (size_t j = 0; j < dim; ++j) sum += own.difference[j] * x[j];
      own.values[h * items.size() + i] =
          static_cast<float>(sum * (scan.multipliers.empty() ? 1.0 : scan.multipliers[item]));
    }
  }
}

// The same of a space of sparse rows: the terms of the sum.
void AdditiveTerms(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                   std::span<const ScoredItem> items, EngineScratch* scratch) {
  ContributionScratch& own = scratch->contributions;
  SubjectResolver(model, scratch).Resolve(subject, space);
  own.history = scratch->coefficients;
  KeepLargest(source == AnswerSource::kTrainedVector ? kMaxContributingTrained : kMaxContributingItems, &own.history);
  own.values.resize(own.history.size() * items.size());
  const SparseSpace& sparse = space.sparse;
  for (size_t h = 0; h < own.history.size(); ++h) {
    for (size_t i = 0; i < items.size(); ++i) {
      const uint32_t item = items[i].item;
      const double multiplier = sparse.multipliers.empty() ? 1.0 : sparse.multipliers[item];
      const double kernel = SparseKernel(sparse, own.history[h].item, item);
      own.values[h * items.size() + i] = static_cast<float>(own.history[h].weight * kernel * multiplier);
    }
  }
}

}  // namespace

void Contributions(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                   std::span<const ScoredItem> items, EngineScratch* scratch, ContributionResult* result) {
  ContributionScratch& own = scratch->contributions;
  result->contributions.clear();
  result->begin.assign(1, 0);
  if (IsSparse(space.spec.fold_in)) {
    AdditiveTerms(model, space, subject, source, items, scratch);
  } else {
    GatherHistory(model, space, subject, source, scratch);
    LeaveEachOut(model, space, subject, source, items, scratch);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    BestK best(kMaxContributions, &own.best);
    for (size_t h = 0; h < own.history.size(); ++h) {
      const float value = own.values[h * items.size() + i];
      if (value != 0 && std::isfinite(value)) best.Add({own.history[h].item, value});
    }
    for (const ScoredItem& entry : best.Finish()) result->contributions.push_back({entry.item, entry.score});
    result->begin.push_back(static_cast<uint32_t>(result->contributions.size()));
  }
}

}  // namespace kindred
