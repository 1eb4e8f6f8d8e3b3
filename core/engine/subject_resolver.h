// Subject → what ranks: the ladder of rungs (architecture §5) and the fold-in of every kind of space. Immutable and
// thread-safe; the scratch belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/engine/engine_scratch.h"
#include "core/engine/model.h"

namespace kindred {

// Where the vector that ranked came from: the rung of the ladder (architecture §5).
enum class AnswerSource : uint8_t {
  kLiveProfile,     // fold-in of the stored event history
  kBlendedProfile,  // 0.7 · trained vector + 0.3 · fold-in of the stored history
  kTrainedVector,   // the user's row of the bundle, or the fold-in of what the bundle says they have seen
  kInlineEvents,    // fold-in of the request's own events
  kAverage,         // the mean user vector
  kPopularity,      // the most popular items
};
std::string_view AnswerSourceName(AnswerSource source);  // "live_profile", "blended_profile", "trained_vector", …

// Weight of the trained vector where a live profile exists too (requirement E4).
inline constexpr float kTrainedBlend = 0.7f;

// Whom to recommend for. A user with neither a live history nor a trained row is answered from the next rung.
struct SubjectView {
  std::string_view user_id = {};                  // may be empty: anonymous
  std::span<const EventView> live_history = {};   // of the stored profile
  std::span<const EventView> inline_events = {};  // of the request
};

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
