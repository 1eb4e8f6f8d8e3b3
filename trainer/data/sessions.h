// Token sequences: what users did, in the order in which they did it, cut into sessions; what embeddings are trained
// on. Plain values; the function is pure and thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/data/event_log.h"

namespace kindred {

// What begins a new sequence of a user.
enum class SessionSplit : uint8_t {
  kGap,     // a pause longer than `gap_minutes`; needs times
  kColumn,  // another session id (a basket, an invoice); needs that column
  kUser,    // nothing: all events of a user are one sequence
};

std::string_view SessionSplitName(SessionSplit value);  // "gap", "column", "user"
absl::StatusOr<SessionSplit> SessionSplitFromName(std::string_view name);

struct SessionOptions {
  SessionSplit split = SessionSplit::kGap;
  double gap_minutes = 30;       // a pause of exactly this long does not split
  bool with_actions = true;      // tokens "<action>_<item>" where the events have actions; else "<item>"
  uint32_t min_tokens = 1;       // shorter sequences are left out
  uint32_t min_occurrences = 1;  // rarer tokens are left out, before sequences are measured
};

// The vocabulary and the sequences over it.
struct TokenSequences {
  std::vector<std::string> token_ids;  // [n_tokens], distinct, in the order in which they first occur
  std::vector<uint32_t> token_item;    // [n_tokens], item row of each token
  std::vector<uint16_t> token_action;  // [n_tokens], action of each token; empty without actions
  std::vector<uint64_t> token_count;   // [n_tokens], occurrences in the sequences

  std::vector<uint32_t> tokens;     // all sequences, one after another
  std::vector<int64_t> offsets{0};  // [n_sequences + 1], where each begins in `tokens`
  std::vector<uint32_t> user;       // [n_sequences]
  uint64_t left_out_sequences = 0;  // shorter than min_tokens
  uint64_t left_out_events = 0;     // of rare tokens or short sequences

  size_t size() const { return user.size(); }
  std::span<const uint32_t> Sequence(size_t s) const {
    return std::span(tokens).subspan(offsets[s], offsets[s + 1] - offsets[s]);
  }
};

// Users in the order of their ids, sequences of a user by the time of their first event, tokens in time order; equal
// times, and events without times, keep the order of the rows. INVALID_ARGUMENT when the split needs a column that the
// events do not have, when gap_minutes is no finite number ≥ 0, and when two tokens would have one name (action "a_b"
// of item "c", action "a" of item "b_c"). O(events log events).
absl::StatusOr<TokenSequences> MakeSequences(const EventLog& events, const SessionOptions& options);

// "view" + "prod_001" → "view_prod_001".
std::string TokenId(std::string_view action, std::string_view item);

}  // namespace kindred
