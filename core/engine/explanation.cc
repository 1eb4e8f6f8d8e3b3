#include "core/engine/explanation.h"

#include <algorithm>
#include <span>

#include "core/engine/subject_ranking.h"
#include "core/engine/subject_resolver.h"

namespace kindred {
namespace {

void ExplainByDimension(const Space& space, std::span<const float> vector, RecommendResult* result) {
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

// What each item of the subject's history adds to the score of `item`, times `weight`.
void AppendHistoryTerms(const SparseSpace& sparse, RowsBy rows, std::span<const ItemWeight> coefficients, double weight,
                        uint32_t item, RecommendResult* result) {
  const double multiplier = sparse.multipliers.empty() ? 1.0 : sparse.multipliers[item];
  for (const ItemWeight& entry : coefficients) {
    const double value = weight * (entry.weight * SparseKernel(sparse, entry.item, item, rows) * multiplier);
    if (value != 0) result->history_terms.push_back({entry.item, static_cast<float>(value)});
  }
  result->history_begin.push_back(static_cast<uint32_t>(result->history_terms.size()));
}

void ExplainByHistory(const Space& space, AnswerSource source, std::span<const ItemWeight> coefficients,
                      RecommendResult* result) {
  const auto prior_weight = static_cast<float>(space.spec.prior_weight);
  const SparseSpace& sparse = space.sparse;
  result->history_begin.assign(1, 0);
  for (const ScoredItem& scored : result->items) {
    AppendHistoryTerms(sparse, RowsOf(source), coefficients, 1, scored.item, result);
    result->prior_terms.push_back(sparse.prior.empty() ? 0.0f : prior_weight * sparse.prior[scored.item]);
  }
}

// Of a part with an item matrix: weight · (u_j/‖u‖) · x_j, brought to the part's scale.
void AppendPartTerms(const ItemSimilarity::Part& part, const BlendPartVector& subject, uint32_t item,
                     RecommendResult* result) {
  const Space& space = *part.space;
  const size_t dim = space.spec.dim;
  const size_t begin = result->terms.size();
  result->terms.resize(begin + dim, 0.0f);
  if (!subject.speaks) return;
  const float* x = &space.items[item * dim];
  const double factor = part.weight * PartScale(space, item);
  for (size_t j = 0; j < dim; ++j) {
    result->terms[begin + j] = static_cast<float>(factor * subject.unit[j] * x[j]);
  }
}

void ExplainBlend(const RequestPlan& plan, const EngineScratch& scratch, RecommendResult* result) {
  const bool any_sparse = std::any_of(plan.parts.begin(), plan.parts.end(), [](const ItemSimilarity::Part& part) {
    return IsSparse(part.space->spec.fold_in);
  });
  if (any_sparse) result->history_begin.assign(1, 0);
  for (const ScoredItem& scored : result->items) {
    for (size_t p = 0; p < plan.parts.size(); ++p) {
      const ItemSimilarity::Part& part = plan.parts[p];
      const BlendPartVector& subject = scratch.blend[p];
      result->blend_terms.push_back(BlendTerm(plan, p, scored.item, scratch));
      std::span<const ItemWeight> coefficients;
      if (!IsSparse(part.space->spec.fold_in)) {
        AppendPartTerms(part, subject, scored.item, result);
      } else if (subject.speaks) {
        coefficients = subject.coefficients;
      }
      if (!any_sparse) continue;
      AppendHistoryTerms(part.space->sparse, RowsOf(subject.source), coefficients, part.weight, scored.item, result);
    }
    result->prior_terms.push_back(0);
  }
}

// A list that no vector ranked is its prior.
void ExplainByPrior(const RequestPlan& plan, RecommendResult* result) {
  const Space& space = plan.space();
  if (plan.blended) {
    result->blend_terms.assign(result->items.size() * plan.parts.size(), 0.0f);
  } else if (!IsSparse(space.spec.fold_in)) {
    result->terms.assign(result->items.size() * space.spec.dim, 0.0f);
  }
  for (const ScoredItem& item : result->items) {
    result->prior_terms.push_back(item.score - (plan.boost.empty() ? 0.0f : plan.boost[item.item]));
  }
}

}  // namespace

void ExplainItems(const RequestPlan& plan, AnswerSource source, const EngineScratch& scratch, RecommendResult* result) {
  if (!plan.boost.empty()) {
    for (const ScoredItem& item : result->items) result->boost_terms.push_back(plan.boost[item.item]);
  }
  for (const ItemSimilarity::Part& part : plan.parts) result->parts.push_back(part.space);
  const Space& space = plan.space();
  if (source == AnswerSource::kPopularity || source == AnswerSource::kPrecomputed) {
    ExplainByPrior(plan, result);
  } else if (plan.blended) {
    ExplainBlend(plan, scratch, result);
  } else if (IsSparse(space.spec.fold_in)) {
    ExplainByHistory(space, source, scratch.coefficients, result);
  } else {
    ExplainByDimension(space, scratch.vector, result);
  }
}

}  // namespace kindred
