#include "core/engine/history_losses.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/bundle/tensor_names.h"
#include "core/engine/subject_ranking.h"
#include "core/engine/subject_resolver.h"
#include "core/solve/history_leave_out.h"

namespace kindred {
namespace {

void AddEvents(const Model& model, const Space& space, std::span<const EventView> events, EngineScratch* scratch) {
  WeighEvents(space.spec, events, &scratch->worth);
  SumPerItem(model.items(), events, scratch->worth, &scratch->history);
  MergeCoefficients(1, 1, scratch->history, &scratch->merged, &scratch->contributions.history);
}

// The row of an item in the least squares of FoldInSolver.
HistoryRow RowOf(const Space& space, const ItemWeight& entry) {
  const float* x = &space.items[size_t{entry.item} * space.spec.dim];
  const double value = TransformValue(space.spec.transform, entry.weight);
  if (space.spec.fold_in == FoldIn::kObserved) return {x, 1.0, value - x[space.spec.dim - 1]};
  const double extra = space.spec.fold_in_alpha * std::max(0.0, value);
  return {x, extra, 1 + extra};
}

std::span<const double> GramOf(const Model& model, const Space& space, std::string* name) {
  if (space.spec.fold_in == FoldIn::kObserved) return {};
  name->assign(names::kSpacePrefix);
  name->append(space.name).append(".").append(names::kGram);
  return TensorOrEmpty<double>(model.tensors(), *name);
}

// `implicit` and `observed` solve a system of their own for each history: too much work to do again for each item.
// Where the vector is one such solution (or a blend of one with what was trained), prepares what tells the vectors
// without an item (core/solve/history_leave_out.h); *share is what of the vector is the solution. False: fold in again.
bool PrepareLosses(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                   EngineScratch* scratch, double* share) {
  const SpaceSpec& spec = space.spec;
  if (spec.fold_in != FoldIn::kImplicit && spec.fold_in != FoldIn::kObserved) return false;
  *share = source == AnswerSource::kBlendedProfile ? 1 - kTrainedBlend : 1;
  if (source == AnswerSource::kTrainedVector) {
    const auto user = model.users().Find(subject.user_id);
    if (!user.has_value()) return false;
    SeenHistory(model, *user, /*count_each=*/true, &scratch->history);
    if (scratch->history.size() > SubjectResolver::kMaxExplainedSeen) return false;
  } else if (source == AnswerSource::kLiveProfile || source == AnswerSource::kBlendedProfile ||
             source == AnswerSource::kInlineEvents) {
    const auto events = source == AnswerSource::kInlineEvents ? subject.inline_events : subject.live_history;
    const auto same_step = [&](const EventView& event) { return event.blend_step == events.front().blend_step; };
    if (!std::all_of(events.begin(), events.end(), same_step)) return false;
    WeighEvents(spec, events, &scratch->worth);
    SumPerItem(model.items(), events, scratch->worth, &scratch->history);
  } else {
    return false;
  }
  // Without its only item a history says nothing, and the ladder goes on.
  if (scratch->history.size() < 2) return false;
  std::vector<HistoryRow>& rows = scratch->fold_in.rows;
  rows.clear();
  for (const ItemWeight& entry : scratch->history) rows.push_back(RowOf(space, entry));
  const uint32_t solved = spec.fold_in == FoldIn::kObserved ? spec.dim - 1 : spec.dim;
  HistoryRidgeScratch& work = scratch->fold_in.history;
  if (!FactorHistory(GramOf(model, space, &scratch->token_key), solved, spec.fold_in_lambda, rows, &work)) return false;
  constexpr double kLargest = std::numeric_limits<float>::max();
  return std::all_of(work.solution.begin(), work.solution.end(), [](double u) { return std::abs(u) <= kLargest; });
}

// What ranks by `vector`: its unit vector in a blend and where the space ranks by cosine.
double ScaleOf(bool unit, const std::vector<double>& vector) {
  if (!unit) return 1;
  double sum = 0;
  for (const double x : vector) sum += x * x;
  return sum > 0 ? 1 / std::sqrt(sum) : 0;
}

// own.difference: the vector without an item → what the scores lose without it, into `values`: [items].
void ScoreLosses(const SpaceRole& role, std::span<const ScoredItem> items, ContributionScratch* scratch,
                 std::span<float> values) {
  const Space& space = *role.space;
  const bool unit = role.in_blend || space.spec.metric == Metric::kCosine;
  std::vector<double>& difference = scratch->difference;
  const double scale = ScaleOf(unit, scratch->whole), without = ScaleOf(unit, difference);
  const size_t dim = difference.size();
  bool any = false;
  for (size_t j = 0; j < dim; ++j) {
    difference[j] = scale * scratch->whole[j] - without * difference[j];
    any = any || difference[j] != 0;
  }
  std::fill(values.begin(), values.end(), 0.0f);
  if (!any) return;
  const ScanSpace& scan = space.recommend;
  for (size_t i = 0; i < items.size(); ++i) {
    const float* x = &scan.items[size_t{items[i].item} * dim];
    double sum = 0;
    for (size_t j = 0; j < dim; ++j) sum += difference[j] * x[j];
    const double multiplier = scan.multipliers.empty() ? 1.0 : scan.multipliers[items[i].item];
    values[i] = static_cast<float>(sum * (role.in_blend ? role.weight * PartScale(space, items[i].item) : multiplier));
  }
}

// own.values: [history × items] of a space of an item matrix.
void LeaveEachOut(const Model& model, const SpaceRole& role, const SubjectView& subject, AnswerSource source,
                  std::span<const ScoredItem> items, EngineScratch* scratch) {
  const Space& space = *role.space;
  ContributionScratch& own = scratch->contributions;
  SubjectResolver resolver(model, scratch);
  resolver.ResolveWithout(subject, space, source, SubjectResolver::kNoItem);
  own.whole.assign(scratch->vector.begin(), scratch->vector.end());
  // NaN: not known yet.
  own.values.assign(own.history.size() * items.size(), std::numeric_limits<float>::quiet_NaN());
  const auto values_of = [&](size_t h) { return std::span(own.values).subspan(h * items.size(), items.size()); };
  double share = 1;
  if (PrepareLosses(model, space, subject, source, scratch, &share)) {
    for (size_t h = 0; h < own.history.size(); ++h) {
      own.difference.assign(own.whole.size(), 0.0);  // the offset of an observed space is not lost
      const HistoryRow row = RowOf(space, own.history[h]);
      const auto solved = static_cast<uint32_t>(scratch->fold_in.history.solution.size());
      if (!LossWithout(row, solved, &scratch->fold_in.history, own.difference)) continue;
      for (size_t j = 0; j < own.whole.size(); ++j) own.difference[j] = own.whole[j] - share * own.difference[j];
      ScoreLosses(role, items, &own, values_of(h));
    }
  }
  for (size_t h = 0; h < own.history.size(); ++h) {
    if (!std::isnan(values_of(h).front())) continue;
    resolver.ResolveWithout(subject, space, source, own.history[h].item);
    own.difference.assign(scratch->vector.begin(), scratch->vector.end());
    ScoreLosses(role, items, &own, values_of(h));
  }
}

// The same of a space of sparse rows: the terms of the sum.
void AdditiveTerms(const SpaceRole& role, AnswerSource source, std::span<const ScoredItem> items,
                   ContributionScratch* own) {
  const SparseSpace& sparse = role.space->sparse;
  own->values.resize(own->history.size() * items.size());
  for (size_t h = 0; h < own->history.size(); ++h) {
    for (size_t i = 0; i < items.size(); ++i) {
      const uint32_t item = items[i].item;
      const double multiplier = sparse.multipliers.empty() ? 1.0 : sparse.multipliers[item];
      const double kernel = SparseKernel(sparse, own->history[h].item, item, RowsOf(source));
      own->values[h * items.size() + i] =
          static_cast<float>(role.weight * (own->history[h].weight * kernel * multiplier));
    }
  }
}

}  // namespace

size_t GatherHistory(const Model& model, const Space& space, const SubjectView& subject, AnswerSource source,
                     EngineScratch* scratch) {
  std::vector<ItemWeight>& history = scratch->contributions.history;
  const auto drop_infinite = [&history] {
    std::erase_if(history, [](const ItemWeight& entry) { return !std::isfinite(entry.weight); });
  };
  history.clear();
  bool seen = source == AnswerSource::kTrainedVector;
  if (IsSparse(space.spec.fold_in)) {
    SubjectResolver(model, scratch).Resolve(subject, space);
    history = scratch->coefficients;
    drop_infinite();
    return seen ? kMaxContributingTrained : kMaxContributingItems;
  }
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
  drop_infinite();
  return seen ? kMaxContributingTrained : kMaxContributingItems;
}

void ScoreWithoutEach(const Model& model, const SpaceRole& role, const SubjectView& subject, AnswerSource source,
                      std::span<const ScoredItem> items, EngineScratch* scratch) {
  if (IsSparse(role.space->spec.fold_in)) {
    AdditiveTerms(role, source, items, &scratch->contributions);
  } else {
    LeaveEachOut(model, role, subject, source, items, scratch);
  }
}

}  // namespace kindred
