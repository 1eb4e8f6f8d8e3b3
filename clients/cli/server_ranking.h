// Ranked lists of a running server, asked for and given in plain values: what `kindred evaluate --server` measures.
// Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {

struct ServerEvent {
  std::string_view item_id, action;
  double weight = 1;
  int64_t time_ms = 0;  // 0: not known
};

// `user_id` or, when it is empty, `events`.
struct ServerQuestion {
  std::string_view user_id;
  std::vector<ServerEvent> events;
  uint32_t k = 10;
  bool include_seen = false, explain = false;
  std::span<const std::string_view> exclude_item_ids, candidate_item_ids;
};

struct ServerAnswer {
  std::vector<std::string> items;      // best first
  std::vector<double> scores, priors;  // of items; priors with explain
  std::string source;                  // "trained_vector", …
  std::vector<std::string> missing_ids;
  std::string model, version, digest, space;
};

class ServerRanking {
 public:
  ServerRanking(const std::string& server, std::string model, std::string space, double timeout_seconds);

  // Errors have the server's code; the message begins with its address.
  absl::StatusOr<ServerAnswer> Ask(const ServerQuestion& question) const;

 private:
  std::string server_, model_, space_;
  mutable RecommendClient client_;  // thread-safe
};

}  // namespace kindred
