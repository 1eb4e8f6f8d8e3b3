// What `kindred load` counts of the answers of a second, or of all of them. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "clients/cli/load_histogram.h"
#include "clients/cli/load_workload.h"

namespace kindred {

inline constexpr size_t kLoadMethods = 3;
// "Recommend", "GetProfile", "UpdateProfile".
const char* MethodName(LoadMethod method);

// One call that has ended.
struct LoadOutcome {
  LoadMethod method = LoadMethod::kRecommend;
  absl::StatusCode code = absl::StatusCode::kOk;
  int64_t latency_us = 0;  // from when it was to be sent
  // Of an answer to Recommend or GetProfile.
  std::string source, model;  // "live_profile"; "groceries 1"
  std::vector<std::string> degradations;
  bool foreign = false;  // it carried an event or an item of another user
};

struct LoadCounts {
  std::array<std::map<absl::StatusCode, uint64_t>, kLoadMethods> calls;
  std::array<LoadHistogram, kLoadMethods> latencies;  // of calls that were answered OK
  std::map<std::string, uint64_t> sources, degradations, models;
  uint64_t foreign = 0;

  void Add(const LoadOutcome& outcome);
  void Add(const LoadCounts& other);

  uint64_t ended() const;
  uint64_t failed() const;  // with a code other than OK
  LoadHistogram AllLatencies() const;
};

// {"count","p50","p90","p99","p99_9","max"}, in microseconds
nlohmann::ordered_json ToJson(const LoadHistogram& latencies);
// {"calls":{method:{code:n}},"failed","latency_us","latency_us_by_method","sources","degradations","models","foreign"}
nlohmann::ordered_json ToJson(const LoadCounts& counts);

}  // namespace kindred
