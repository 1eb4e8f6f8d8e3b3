// Whom an answer is for, and where it came from. Views into the caller's message or profile.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/engine/event_history.h"

namespace kindred {

// Where the vector that ranked came from: the rung of the ladder (architecture §5), highest first.
enum class AnswerSource : uint8_t {
  kLiveProfile,     // fold-in of the stored event history
  kBlendedProfile,  // 0.7 · trained vector + 0.3 · fold-in of the stored history
  kTrainedVector,   // the user's row of the bundle, or the fold-in of what the bundle says they have seen
  kInlineEvents,    // fold-in of the request's own events
  kCategory,        // the mean of the categories of items whose own vectors say nothing
  kPrecomputed,     // no vector: the list that the bundle holds ready for the user
  kAverage,         // the mean user vector
  kPopularity,      // no vector: the most popular items
};
inline constexpr size_t kAnswerSources = 8;
std::string_view AnswerSourceName(AnswerSource source);  // "live_profile", "blended_profile", "trained_vector", …

// Whom to recommend for. A user with neither a live history nor a trained row is answered from the next rung.
struct SubjectView {
  std::string_view user_id = {};                  // may be empty: anonymous
  std::span<const EventView> live_history = {};   // of the stored profile
  std::span<const EventView> inline_events = {};  // of the request
};

}  // namespace kindred
