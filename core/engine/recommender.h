// The engine: subject → vector → masked top-K → explanation, over one model generation. Pure: no I/O, no locks, no
// clock. Recommender is immutable and thread-safe; EngineScratch belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/engine/model.h"
#include "core/profile/profile.h"

namespace kindred {

// Where the vector that ranked came from: the rung of the ladder (architecture §5).
enum class AnswerSource : uint8_t {
  kLiveProfile,     // fold-in of the stored event history
  kBlendedProfile,  // 0.7 · trained vector + 0.3 · fold-in of the stored history
  kTrainedVector,   // the user's row of the bundle
  kInlineEvents,    // fold-in of the request's own events
  kAverage,         // the mean user vector
  kPopularity,      // the most popular items
};
std::string_view AnswerSourceName(AnswerSource source);  // "live_profile", "blended_profile", "trained_vector", …

// Weight of the trained vector where a live profile exists too (requirement E4).
inline constexpr float kTrainedBlend = 0.7f;

// An event as the engine needs it; views into the caller's message or profile.
struct EventView {
  std::string_view item_id;
  double weight = 1.0;
};

// Whom to recommend for. A user with neither a live history nor a trained row is answered from the next rung.
struct SubjectView {
  std::string_view user_id;                  // may be empty: anonymous
  std::span<const EventView> live_history;   // of the stored profile
  std::span<const EventView> inline_events;  // of the request
};

struct RecommendOptions {
  std::string_view space;  // "" = the default space
  uint32_t k = 10;
  bool include_seen = false;
  bool explain = false;
  std::span<const std::string_view> exclude_item_ids;
  std::span<const std::string_view> candidate_item_ids;  // empty = the whole catalogue; else only these
};

// One dimension's share of a score: weight·value; shares and the prior add up to the score.
struct ScoreTerm {
  uint32_t trait = 0;  // dimension of the space
  float value = 0;
};

struct RecommendResult {
  AnswerSource source = AnswerSource::kPopularity;
  const Space* space = nullptr;
  std::vector<ScoredItem> items;
  std::vector<std::string_view> missing_ids;  // ids of the request that the catalogue does not have, each once
  // Of the explanation, when asked for: items.size() × dim terms, row-major, and each item's prior term.
  std::vector<float> terms;        // [items × dim]
  std::vector<float> prior_terms;  // [items]
};

// One dimension of a profile.
struct TraitWeight {
  uint32_t trait = 0;
  float weight = 0;
};

struct EngineScratch {
  TopKScratch topk;
  FoldInScratch fold_in;
  std::vector<float> vector, trained;
  std::vector<ItemWeight> history;
  std::vector<uint32_t> excluded, candidates;
};

class Recommender {
 public:
  // `model` must outlive this.
  explicit Recommender(const Model& model) : model_(model) {}

  // The best options.k items for `subject`. Unknown users and unknown ids are answers, not errors. NOT_FOUND for an
  // unknown space. After warm-up nothing is allocated beyond the capacity that `result` and `scratch` already have.
  absl::Status Recommend(const SubjectView& subject, const RecommendOptions& options, EngineScratch* scratch,
                         RecommendResult* result) const;

  // The k items nearest to `item_id` by cosine in a space, itself left out. NOT_FOUND for an unknown item or space.
  absl::Status SimilarItems(std::string_view item_id, std::string_view space, uint32_t k, EngineScratch* scratch,
                            RecommendResult* result) const;

  // The subject's vector in a space and where it came from (the same vector that Recommend ranks by; zeros on the
  // popularity rung), left in scratch->vector.
  AnswerSource Resolve(const SubjectView& subject, const Space& space, EngineScratch* scratch,
                       std::vector<std::string_view>* missing_ids) const;

 private:
  const Model& model_;
};

}  // namespace kindred
