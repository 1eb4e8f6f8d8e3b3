// What evaluation asks: something that ranks items for a user. One ranker opens a bundle, another asks a server; both
// answer alike, so both are measured alike. Strings go in and out because a server speaks in ids.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

// Limits of one request, those of the API (server/limits.h): held offline as well, so that figures agree.
inline constexpr uint32_t kMaxRankedItems = 1'000;
inline constexpr size_t kMaxRankEvents = 256;
inline constexpr size_t kMaxRankIds = 10'000;     // excluded, and candidates
inline constexpr size_t kMaxPredictedItems = 50;  // a request for scores carries every term of every score

struct RankEvent {
  std::string_view item_id;
  double weight = 1;
  std::string_view action;  // may be empty
  int64_t time_ms = 0;      // 0: not known
};

// `user_id` or, when it is empty, `events`: whom to rank for.
struct RankRequest {
  std::string_view user_id;
  std::span<const RankEvent> events;
  uint32_t k = 10;
  bool include_seen = false;
  bool split_prior = false;  // RankAnswer::priors wanted
  std::span<const std::string_view> exclude_item_ids;
  std::span<const std::string_view> candidate_item_ids;  // empty: the whole catalogue
};

struct RankAnswer {
  std::vector<std::string> items;        // best first
  std::vector<double> scores;            // of items
  std::vector<double> priors;            // the part of each score that is the item's prior; with split_prior
  std::string source;                    // AnswerSourceName: "trained_vector", "average", …
  std::vector<std::string> missing_ids;  // ids of the request that the catalogue does not have
};

struct RankerInfo {
  std::string model, version, digest, space;
};

// Thread-safe.
class Ranker {
 public:
  virtual ~Ranker() = default;
  Ranker() = default;
  Ranker(const Ranker&) = delete;
  Ranker& operator=(const Ranker&) = delete;

  virtual absl::StatusOr<RankerInfo> Info() const = 0;
  virtual absl::Status Rank(const RankRequest& request, RankAnswer* answer) const = 0;
};

// Where a ranker that is not a file is to be found.
struct RemoteRankerOptions {
  std::string server;  // host:port
  std::string model, space;
  double timeout_seconds = 30;
};
// Given by the program's composition root (docs/decisions/0001): the trainer itself knows no network.
using RemoteRankerFactory =
    std::function<absl::StatusOr<std::unique_ptr<const Ranker>>(const RemoteRankerOptions& options)>;

}  // namespace kindred
