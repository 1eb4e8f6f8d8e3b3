// Subject → what ranks: the ladder of rungs (architecture §5) and the fold-in of every kind of space. Immutable and
// thread-safe; the scratch belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/engine/engine_scratch.h"
#include "core/engine/model.h"
#include "core/engine/subject.h"

namespace kindred {

// Weight of the trained vector where a live profile exists too (requirement E4).
inline constexpr float kTrainedBlend = 0.7f;

class SubjectResolver {
 public:
  SubjectResolver(const Model& model, EngineScratch* scratch) : model_(model), scratch_(*scratch) {}

  // Leaves the subject's vector in scratch->vector, its coefficients in scratch->coefficients (sparse rows) and its
  // profile in scratch->profile (traits; the average one where nothing is known). Zeros or empty on the popularity
  // rung.
  AnswerSource Resolve(const SubjectView& subject, const Space& space);

 private:
  using User = std::optional<uint32_t>;
  using Events = std::optional<std::span<const EventView>>;  // nullopt: the trained rung

  bool Rung(const Space& space, User user, Events events, bool* blended);
  bool Blend(const Space& blend, User user, Events events, bool* blended);
  bool Simple(const Space& space, User user, Events events, std::span<float> out, bool* blended);
  bool Sparse(const Space& space, User user, Events events, bool* blended);
  bool Fold(const Space& space, std::span<const EventView> events, std::span<float> out);
  bool Trained(const Space& space, uint32_t user, std::span<float> out);
  bool FoldTokens(const Space& space, uint32_t n_tokens, std::span<float> out);
  void SeenHistory(uint32_t user);

  const Model& model_;
  EngineScratch& scratch_;
};

}  // namespace kindred
