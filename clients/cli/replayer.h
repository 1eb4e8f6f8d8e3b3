// Makes an answer of the past again: asks a server for the very generation that gave it, for the profile that was used,
// and compares item by item. Thread-safe as its client is.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "clients/cli/logged_call.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {

enum class ReplayResult : unsigned char { kSame, kDiffers, kNotReproducible };

// "same", "differs", "not_reproducible".
const char* ReplayWord(ReplayResult result);

struct ReplayOutcome {
  ReplayResult result = ReplayResult::kSame;
  std::string reason{};  // why it cannot be made again, or what may explain the difference
  // Of kDiffers: the first rank, from 1, at which the two are not the same, and what is there; "" past a list's end.
  size_t rank = 0;
  std::string expected{}, found{};
};

// The first difference in ids, order or the bits of scores; nullopt: none.
std::optional<ReplayOutcome> FirstDifference(const RankedAnswer& expected, const RankedAnswer& found);

// The request that has the same answer whatever the server has learned since: of the generation "<model>@<version>",
// with the profile that was used in place of the stored one, and with times for events that had none.
LoggedRequest PinnedRequest(const LoggedCall& call);

// UNAVAILABLE and DEADLINE_EXCEEDED when the server does not answer; what it refuses is kNotReproducible.
absl::StatusOr<ReplayOutcome> Replay(const LoggedCall& call, RecommendClient* client);

}  // namespace kindred
