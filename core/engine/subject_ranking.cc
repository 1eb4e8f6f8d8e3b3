#include "core/engine/subject_ranking.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/read_once.h"
#include "core/kernels/dispatch.h"

namespace kindred {
namespace {

// u/‖u‖; the norm in double, so that no vector overflows it. Zeros stay zeros.
void Normalize(std::span<float> vector) {
  double sum = 0;
  for (float x : vector) sum += static_cast<double>(x) * x;
  if (sum == 0) return;
  const double inverse = 1 / std::sqrt(sum);
  for (float& x : vector) x = static_cast<float>(x * inverse);
}

bool HasOwnVector(AnswerSource source) { return source < AnswerSource::kPrecomputed; }

class Ranker {
 public:
  Ranker(const Model& model, const RequestPlan& plan, const SubjectView& subject, EngineScratch* scratch)
      : model_(model), plan_(plan), subject_(subject), scratch_(*scratch) {}

  SubjectRanking Rank() { return plan_.blended ? Blend() : Single(); }

 private:
  SubjectRanking Single() {
    const Space& space = plan_.space();
    SubjectRanking out;
    out.source = SubjectResolver(model_, &scratch_).Resolve(subject_, space);
    if (out.source == AnswerSource::kPopularity) {
      out.ranking = ByPopularity();
    } else if (out.source == AnswerSource::kPrecomputed) {
      out.ranking = ByList();
    } else if (IsSparse(space.spec.fold_in)) {
      out.ranking = BySparseRows(space, RowsOf(out.source));
    } else {
      if (space.spec.metric == Metric::kCosine) Normalize(scratch_.vector);
      out.ranking.scan = &plan_.scan;
      out.ranking.vector = scratch_.vector;
      out.ranking.prior_weight = plan_.prior_weight;
    }
    return out;
  }

  Ranking ByPopularity() {
    Ranking out;
    out.scores = model_.popularity();
    if (plan_.boost.empty()) {
      out.order = model_.popularity_order();
      return out;
    }
    scratch_.scores.resize(model_.n_items());
    for (size_t i = 0; i < scratch_.scores.size(); ++i) scratch_.scores[i] = out.scores[i] + plan_.boost[i];
    out.scores = scratch_.scores;
    return out;
  }

  // The user's list with its scores, and behind it everything else by popularity, with scores below those of the list.
  Ranking ByList() {
    const auto user = model_.users().Find(subject_.user_id);
    const RankedItems list = user.has_value() ? model_.Recommendations(*user) : RankedItems();
    // The list was there when this rung was chosen, and is gone only where its file was overwritten.
    if (list.empty()) return ByPopularity();
    const auto popularity = model_.popularity();
    const float most = popularity.empty() ? 0 : popularity[model_.popularity_order().front()];
    const double last = list.scores.back(), gap = std::max(1.0, std::abs(last) * 0x1p-10);
    scratch_.scores.resize(model_.n_items());
    for (size_t i = 0; i < scratch_.scores.size(); ++i) {
      const double share = most > 0 ? popularity[i] / most : 0;
      scratch_.scores[i] =
          static_cast<float>(std::max<double>(last - gap * (2 - share), std::numeric_limits<float>::lowest()));
    }
    for (size_t i = 0; i < list.items.size(); ++i) {
      const uint32_t item = ReadOnce(list.items[i]);
      if (item < scratch_.scores.size()) scratch_.scores[item] = list.scores[i];
    }
    for (size_t i = 0; i < plan_.boost.size() && i < scratch_.scores.size(); ++i) scratch_.scores[i] += plan_.boost[i];
    Ranking out;
    out.scores = scratch_.scores;
    return out;
  }

  Ranking BySparseRows(const Space& space, RowsBy rows) {
    const SparseSpace& sparse = space.sparse;
    SumPostings(sparse, rows, scratch_.coefficients, &scratch_.sparse);
    const auto prior_weight = static_cast<float>(space.spec.prior_weight);
    const bool prior = !sparse.prior.empty() && prior_weight != 0;
    scratch_.scores.resize(sparse.n_items);
    for (size_t i = 0; i < scratch_.scores.size(); ++i) {
      const double multiplier = sparse.multipliers.empty() ? 1.0 : sparse.multipliers[i];
      auto score = static_cast<float>(scratch_.sparse.scores[i] * multiplier);
      if (prior) score += prior_weight * sparse.prior[i];
      if (!plan_.boost.empty()) score += plan_.boost[i];
      scratch_.scores[i] = score;
    }
    Ranking out;
    out.scores = scratch_.scores;
    return out;
  }

  // Each part's vector at length one. Parts that only know everybody's average say nothing beside one that knows the
  // subject.
  SubjectRanking Blend() {
    SubjectRanking out;
    scratch_.blend.resize(std::max(scratch_.blend.size(), plan_.parts.size()));
    for (size_t p = 0; p < plan_.parts.size(); ++p) {
      BlendPartVector& part = scratch_.blend[p];
      part.source = SubjectResolver(model_, &scratch_).Resolve(subject_, *plan_.parts[p].space);
      Normalize(scratch_.vector);
      std::swap(part.unit, scratch_.vector);
      std::swap(part.coefficients, scratch_.coefficients);
      if (plan_.parts[p].weight > 0) out.source = std::min(out.source, part.source);
    }
    for (size_t p = 0; p < plan_.parts.size(); ++p) {
      BlendPartVector& part = scratch_.blend[p];
      part.speaks = plan_.parts[p].weight > 0 &&
                    (HasOwnVector(out.source) ? HasOwnVector(part.source) : part.source == AnswerSource::kAverage);
    }
    if (out.source == AnswerSource::kPopularity) {
      out.ranking = ByPopularity();
    } else if (out.source == AnswerSource::kPrecomputed) {
      out.ranking = ByList();
    } else if (plan_.carrier != nullptr) {
      out.ranking = ByCarrier();
    } else {
      out.ranking = BySum();
    }
    return out;
  }

  Ranking ByCarrier() {
    const Space& carrier = *plan_.carrier;
    scratch_.vector.assign(carrier.spec.dim, 0.0f);
    size_t begin = 0;
    for (size_t c = 0; c < carrier.parts.size(); ++c) {
      for (size_t p = 0; p < plan_.parts.size(); ++p) {
        if (plan_.parts[p].space != carrier.parts[c] || !scratch_.blend[p].speaks) continue;
        const double factor = plan_.parts[p].weight / carrier.spec.parts[c].weight;
        const std::vector<float>& unit = scratch_.blend[p].unit;
        for (size_t j = 0; j < unit.size(); ++j) scratch_.vector[begin + j] = static_cast<float>(factor * unit[j]);
      }
      begin += carrier.parts[c]->spec.dim;
    }
    Ranking out;
    out.scan = &plan_.scan;
    out.vector = scratch_.vector;
    out.prior_weight = plan_.prior_weight;
    return out;
  }

  Ranking BySum() {
    const uint32_t n_items = model_.n_items();
    scratch_.sums.assign(n_items, 0.0);
    for (size_t p = 0; p < plan_.parts.size(); ++p) {
      if (scratch_.blend[p].speaks) AddPart(plan_.parts[p], scratch_.blend[p]);
    }
    scratch_.scores.resize(n_items);
    for (size_t i = 0; i < n_items; ++i) {
      scratch_.scores[i] = static_cast<float>(scratch_.sums[i]);
      if (!plan_.boost.empty()) scratch_.scores[i] += plan_.boost[i];
    }
    Ranking out;
    out.scores = scratch_.scores;
    return out;
  }

  void AddPart(const ItemSimilarity::Part& part, const BlendPartVector& vector) {
    const Space& space = *part.space;
    if (IsSparse(space.spec.fold_in)) {
      SumPostings(space.sparse, RowsOf(vector.source), vector.coefficients, &scratch_.sparse);
      for (size_t i = 0; i < scratch_.sums.size(); ++i) {
        const double multiplier = space.sparse.multipliers.empty() ? 1.0 : space.sparse.multipliers[i];
        scratch_.sums[i] += part.weight * (scratch_.sparse.scores[i] * multiplier);
      }
      return;
    }
    scratch_.scores.resize(scratch_.sums.size());
    Kernels().dot_all(vector.unit.data(), space.items.data(), scratch_.scores.size(), space.spec.dim,
                      scratch_.scores.data());
    const std::span<const float> multipliers = space.recommend.multipliers;
    for (size_t i = 0; i < scratch_.sums.size(); ++i) {
      const double scale = multipliers.empty() ? space.item_scale : multipliers[i];
      scratch_.sums[i] += part.weight * (scratch_.scores[i] * scale);
    }
  }

  const Model& model_;
  const RequestPlan& plan_;
  const SubjectView& subject_;
  EngineScratch& scratch_;
};

}  // namespace

SubjectRanking RankFor(const Model& model, const RequestPlan& plan, const SubjectView& subject,
                       EngineScratch* scratch) {
  return Ranker(model, plan, subject, scratch).Rank();
}

float BlendTerm(const RequestPlan& plan, size_t p, uint32_t item, const EngineScratch& scratch) {
  const BlendPartVector& part = scratch.blend[p];
  if (!part.speaks) return 0;
  const Space& space = *plan.parts[p].space;
  if (IsSparse(space.spec.fold_in)) {
    double sum = 0;
    for (const ItemWeight& entry : part.coefficients) {
      sum += entry.weight * SparseKernel(space.sparse, entry.item, item, RowsOf(part.source));
    }
    const double multiplier = space.sparse.multipliers.empty() ? 1.0 : space.sparse.multipliers[item];
    return static_cast<float>(plan.parts[p].weight * (sum * multiplier));
  }
  const float dot = Kernels().dot(part.unit.data(), &space.items[size_t{item} * space.spec.dim], space.spec.dim);
  return static_cast<float>(plan.parts[p].weight * (dot * PartScale(space, item)));
}

}  // namespace kindred
