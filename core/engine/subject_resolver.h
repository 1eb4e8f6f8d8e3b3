// Subject → what ranks: the ladder of rungs (architecture §5) and the fold-in of every kind of space. Immutable and
// thread-safe; the scratch belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/engine/engine_scratch.h"
#include "core/engine/model.h"
#include "core/engine/subject.h"

namespace kindred {

// Whose rows the coefficients of a rung speak of, in a space of sparse rows.
constexpr RowsBy RowsOf(AnswerSource source) {
  return source == AnswerSource::kCategory ? RowsBy::kCategory : RowsBy::kItem;
}

// Weight of the trained vector where a live profile exists too (requirement E4).
inline constexpr float kTrainedBlend = 0.7f;
// Weight of what a history came to before a step of events that is blended in (requirement E4, EventView::blend_step).
inline constexpr float kEarlierBlend = 0.7f;

// What the bundle says a user has seen and what it is worth, by ascending item, into *history; what is worth nothing is
// left out. Where the bundle does not say what it is worth: nothing or, with `count_each`, each item worth 1.
void SeenHistory(const Model& model, uint32_t user, bool count_each, std::vector<ItemWeight>* history);

class SubjectResolver {
 public:
  static constexpr uint32_t kNoItem = UINT32_MAX;
  // Explanations fold in at most this many of the items that a user has seen: those worth most.
  static constexpr size_t kMaxExplainedSeen = 1024;

  SubjectResolver(const Model& model, EngineScratch* scratch) : model_(model), scratch_(*scratch) {}

  // Leaves the subject's vector in scratch->vector, its coefficients in scratch->coefficients (sparse rows; of what,
  // RowsOf says) and its profile in scratch->profile (traits; the average one where nothing is known). Zeros or empty
  // on the precomputed and popularity rungs.
  AnswerSource Resolve(const SubjectView& subject, const Space& space);

  // For explanations in a space of an item matrix: what the rung `source` makes of the subject's history when the
  // events of one item (none: kNoItem) count nothing; what the others are worth stays. Of kTrainedVector the history is
  // what the user has seen (each item worth 1 where the bundle does not say), folded in even where the user has a row;
  // of a stored history that says nothing without the item, what was trained. Leaves it in scratch->vector, zeros where
  // nothing is left.
  void ResolveWithout(const SubjectView& subject, const Space& space, AnswerSource source, uint32_t item);

 private:
  using User = std::optional<uint32_t>;
  using Events = std::optional<std::span<const EventView>>;  // nullopt: the trained rung

  // What a rung says.
  struct Said {
    bool something = false;
    bool blended = false;      // with what was trained
    bool by_category = false;  // by the categories of the items alone
  };

  User FindUser(const SubjectView& subject) const;
  void Clear(const Space& space);
  Said Rung(const Space& space, User user, Events events);
  Said Blend(const Space& blend, User user, Events events);
  Said Simple(const Space& space, User user, Events events, std::span<float> out);
  Said Sparse(const Space& space, User user, Events events);
  bool Category(const SubjectView& subject, const Space& space, User user);
  bool CategoryRung(const Space& space, std::span<const EventView> events);
  bool CategoryOf(const Space& space, std::span<const EventView> events, std::span<float> out);
  bool FinishTraits(const Space& space);
  void FinishPart(const Space& part, bool found, std::span<float> out);

  // subject_folds.cc
  std::span<const EventView> InSteps(std::span<const EventView> events);
  template <typename Fold>
  bool BySteps(std::span<const EventView> events, std::span<float> out, const Fold& fold);
  void Weigh(const Space& space, std::span<const EventView> events);
  bool Fold(const Space& space, std::span<const EventView> events, std::span<float> out, bool* by_category);
  bool FoldStep(const Space& space, std::span<const EventView> events, std::span<float> out, bool* by_category);
  bool FoldTokens(const Space& space, uint32_t n_tokens, std::span<float> out, bool* by_category);
  bool FoldCategories(const Space& space, std::span<const EventView> events, std::span<float> out);
  void FoldCoefficients(const Space& space, RowsBy rows, std::span<const EventView> events);
  void CoefficientsOfStep(const Space& space, RowsBy rows, std::span<const EventView> events,
                          std::vector<ItemWeight>* out);
  bool Trained(const Space& space, uint32_t user, std::span<float> out, bool* by_category);
  void Seen(uint32_t user);

  const Model& model_;
  EngineScratch& scratch_;
  uint32_t left_out_ = kNoItem;
  bool fold_seen_ = false;  // rows of trained users stand aside
};

}  // namespace kindred
