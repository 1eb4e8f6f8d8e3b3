#include "core/lifecycle/drift.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/go_on.h"
#include "core/base/status_macros.h"
#include "core/engine/recommender.h"
#include "core/kernels/dispatch.h"
#include "core/lifecycle/drift_subjects.h"

namespace kindred {
namespace {

constexpr size_t kSubjects = 200;
constexpr size_t kLeastSubjects = 20;
constexpr uint64_t kScanWork = uint64_t{1} << 30;  // numbers of item matrices that all lists may read
constexpr size_t kOthers = 512;                    // items that own ones are ranked among
constexpr uint32_t kListLength = 10;
constexpr double kMiddle = 0.5;  // the rank of what nothing is known of

// One of the two generations, and its working memory.
class Side {
 public:
  Side(const Model& model, uint32_t CommonItem::*index) : model_(model), index_(index) {}

  // Ids of the best items for a user or a history, ascending.
  std::vector<std::string_view> Best(std::string_view user, std::span<const CommonItem> history) {
    RecommendOptions options;
    options.k = kListLength;
    const std::vector<EventView> events = Events(history);
    std::vector<std::string_view> ids;
    if (!Recommender(model_).Recommend({user, {}, events}, options, &scratch_, &result_).ok()) return ids;
    for (const ScoredItem& item : result_.items) ids.push_back(model_.items().Id(item.item));
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  // The mean percentile rank of `own` among `others`, by what is personal of the score.
  double Rank(std::string_view user, std::span<const CommonItem> history, std::span<const CommonItem> own,
              std::span<const CommonItem> others) {
    const Space& space = model_.default_space();
    const std::vector<EventView> events = Events(history);
    const AnswerSource source = Recommender(model_).Resolve({user, {}, events}, space, &scratch_, nullptr);
    // From the precomputed list on nothing is the user's own that could be held against their items.
    if (source >= AnswerSource::kPrecomputed) return kMiddle;
    if (IsSparse(space.spec.fold_in)) {
      SumPostings(space.sparse, RowsOf(source), scratch_.coefficients, &scratch_.sparse);
    } else if (space.spec.fold_in == FoldIn::kObserved) {
      scratch_.vector.back() = 0;  // the item's offset is the same for everybody
    }
    scores_.clear();
    for (const CommonItem& item : others) scores_.push_back(Personal(space, item.*index_));
    std::sort(scores_.begin(), scores_.end());
    double sum = 0;
    for (const CommonItem& item : own) sum += Percentile(Personal(space, item.*index_));
    return sum / static_cast<double>(own.size());
  }

 private:
  std::vector<EventView> Events(std::span<const CommonItem> history) const {
    std::vector<EventView> events;
    for (const CommonItem& item : history) events.push_back({model_.items().Id(item.*index_)});
    return events;
  }

  // The score of an item for the subject in scratch_, without its prior; the lowest number there is where a file that
  // was overwritten makes it no number, as those cannot be ordered.
  double Personal(const Space& space, uint32_t item) const {
    const double score = IsSparse(space.spec.fold_in) ? SparseScore(space.sparse, item) : DenseScore(space, item);
    return std::isfinite(score) ? score : std::numeric_limits<double>::lowest();
  }

  double SparseScore(const SparseSpace& space, uint32_t item) const {
    return scratch_.sparse.scores[item] * (space.multipliers.empty() ? 1.0 : space.multipliers[item]);
  }

  double DenseScore(const Space& space, uint32_t item) const {
    const size_t dim = space.spec.dim;
    const float dot = Kernels().dot(scratch_.vector.data(), &space.items[item * dim], dim);
    return space.recommend.multipliers.empty() ? dot : dot * space.recommend.multipliers[item];
  }

  // The share of others below `score`, those that are equal counting half.
  double Percentile(double score) const {
    const auto [low, high] = std::equal_range(scores_.begin(), scores_.end(), score);
    return static_cast<double>((low - scores_.begin()) + (high - scores_.begin())) /
           (2 * static_cast<double>(scores_.size()));
  }

  const Model& model_;
  uint32_t CommonItem::*index_;
  EngineScratch scratch_;
  RecommendResult result_;
  std::vector<double> scores_;  // of the others, ascending
};

// Mean ranks under both.
struct Ranks {
  double candidate = 0, live = 0;
  uint32_t subjects = 0;

  double candidate_mean() const { return candidate / std::max(subjects, 1u); }
  double live_mean() const { return live / std::max(subjects, 1u); }
  double Drop() const { return live_mean() - candidate_mean(); }
};

class Comparison {
 public:
  Comparison(const Model& candidate, const Model& live, std::vector<CommonItem> common, const GoOn& go_on)
      : common_(std::move(common)),
        go_on_(go_on),
        candidate_(candidate, &CommonItem::candidate),
        live_(live, &CommonItem::live) {
    drift_.catalogue = live.n_items() == 0 ? 1 : static_cast<double>(common_.size()) / live.n_items();
    for (uint32_t pick : SpreadEvenly(common_.size(), kOthers)) sample_.push_back(common_[pick]);
    const uint64_t list = std::max(Work(candidate), Work(live));
    const size_t affordable = static_cast<size_t>(kScanWork / std::max<uint64_t>(list, 1));
    subjects_ = ChooseSubjects(candidate, live, common_, std::clamp(affordable, kLeastSubjects, kSubjects));
  }

  absl::StatusOr<Drift> Measure() {
    double overlap = 0;
    for (const DriftSubject& subject : subjects_) {
      if (!go_on_()) return absl::CancelledError("measuring drift was given up");
      overlap += Overlap(subject);
      AddRanks(subject);
    }
    drift_.subjects = static_cast<uint32_t>(subjects_.size());
    if (subjects_.empty()) return drift_;
    drift_.overlap = overlap / static_cast<double>(subjects_.size());
    const bool worse_folded = trained_.subjects == 0 || (folded_.subjects > 0 && folded_.Drop() > trained_.Drop());
    const Ranks& worse = worse_folded ? folded_ : trained_;
    drift_.own_rank = worse.candidate_mean();
    drift_.live_own_rank = worse.live_mean();
    return drift_;
  }

 private:
  // Numbers that one list reads.
  static uint64_t Work(const Model& model) {
    const Space& space = model.default_space();
    return model.n_items() * (IsSparse(space.spec.fold_in) ? uint64_t{8} : std::max<uint64_t>(space.spec.dim, 1));
  }

  double Overlap(const DriftSubject& subject) {
    const std::span<const CommonItem> history =
        subject.user.empty() ? std::span(subject.own) : std::span<const CommonItem>();
    const auto theirs = live_.Best(subject.user, history), ours = candidate_.Best(subject.user, history);
    if (theirs.empty()) return 1;
    std::vector<std::string_view> both;
    std::set_intersection(theirs.begin(), theirs.end(), ours.begin(), ours.end(), std::back_inserter(both));
    return static_cast<double>(both.size()) / static_cast<double>(theirs.size());
  }

  void AddRanks(const DriftSubject& subject) {
    if (subject.own.empty()) return;
    others_.clear();
    for (const CommonItem& item : sample_) {
      const auto place = std::lower_bound(subject.own.begin(), subject.own.end(), item,
                                          [](const CommonItem& a, const CommonItem& b) { return a.live < b.live; });
      if (place == subject.own.end() || place->live != item.live) others_.push_back(item);
    }
    if (others_.empty()) return;
    if (!subject.user.empty()) Add(subject.user, {}, subject.own, &trained_);
    std::vector<CommonItem> history, rest;
    for (size_t i = 0; i < subject.own.size(); ++i) (i % 2 == 0 ? history : rest).push_back(subject.own[i]);
    if (subject.single) {
      Add({}, history, history, &folded_);
    } else if (!rest.empty()) {
      Add({}, history, rest, &folded_);
    }
  }

  void Add(std::string_view user, std::span<const CommonItem> history, std::span<const CommonItem> own, Ranks* ranks) {
    ranks->candidate += candidate_.Rank(user, history, own, others_);
    ranks->live += live_.Rank(user, history, own, others_);
    ++ranks->subjects;
  }

  std::vector<CommonItem> common_, sample_, others_;
  const GoOn& go_on_;
  Side candidate_, live_;
  std::vector<DriftSubject> subjects_;
  Ranks trained_, folded_;
  Drift drift_;
};

}  // namespace

absl::StatusOr<Drift> MeasureDrift(const Model& candidate, const Model& live, const std::function<bool()>& go_on) {
  const GoOn asked(go_on);
  ASSIGN_OR_RETURN(std::vector<CommonItem> common, FindCommonItems(candidate, live, asked));
  return Comparison(candidate, live, std::move(common), asked).Measure();
}

}  // namespace kindred
