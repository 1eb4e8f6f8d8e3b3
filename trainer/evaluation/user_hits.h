// One user's question to a ranker and where in its list the answers stood. Pure apart from asking the ranker,
// thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/evaluation/background.h"
#include "trainer/evaluation/ranker.h"

namespace kindred {

struct UserQuery {
  std::string_view user_id;                   // or events
  std::span<const RankEvent> events;          // at most kMaxRankEvents
  std::span<const std::string_view> exclude;  // beside what the ranker itself excludes
  std::span<const std::string_view> test;     // distinct items that the user went on to touch
  uint32_t k = 10;
  bool include_seen = false;
};

struct UserHits {
  std::vector<std::string> relevant;  // items of `test` that the ranker would recommend, ascending
  uint32_t unknown = 0;               // items of `test` that it does not know
  std::vector<std::string> list;      // at most k, best first; empty when nothing is relevant
  std::vector<uint32_t> hit_ranks;    // ranks in the list of relevant items, from 1, ascending
  std::string source;
};

// Items to rank among, given the relevant ones; called only when there is one. Empty: the whole catalogue.
using CandidateSource =
    std::function<absl::StatusOr<std::vector<std::string_view>>(std::span<const std::string> relevant)>;

// Asks first which of `test` the ranker would recommend (they are the candidates of that request), then for its list.
// Errors of the ranker, and INVALID_ARGUMENT for more than kMaxRankIds candidates; they name the user.
absl::StatusOr<UserHits> AskForHits(const Ranker& ranker, const UserQuery& query, const CandidateSource& candidates);

// Ranks in `list` of the items of `relevant` (ascending), from 1.
std::vector<uint32_t> HitRanks(std::span<const std::string> list, std::span<const std::string> relevant);

// The k items that most users have, without those of `excluded` (ascending indices); only those of `candidates` when it
// is not empty. O(n_items).
std::vector<std::string> PopularItems(const Background& background, std::span<const uint32_t> excluded,
                                      std::span<const std::string_view> candidates, uint32_t k);

}  // namespace kindred
