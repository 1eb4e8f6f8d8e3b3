#include "clients/cli/load_counts.h"

#include <nlohmann/json.hpp>

namespace kindred {
namespace {

void AddAll(const std::map<std::string, uint64_t>& from, std::map<std::string, uint64_t>* into) {
  for (const auto& [name, count] : from) (*into)[name] += count;
}

}  // namespace

const char* MethodName(LoadMethod method) {
  switch (method) {
    case LoadMethod::kRecommend:
      return "Recommend";
    case LoadMethod::kGetProfile:
      return "GetProfile";
    case LoadMethod::kUpdateProfile:
      return "UpdateProfile";
  }
  return "";
}

void LoadCounts::Add(const LoadOutcome& outcome) {
  const auto method = static_cast<size_t>(outcome.method);
  ++calls[method][outcome.code];
  if (outcome.code == absl::StatusCode::kOk) latencies[method].Add(outcome.latency_us);
  if (!outcome.source.empty()) ++sources[outcome.source];
  if (!outcome.model.empty()) ++models[outcome.model];
  for (const std::string& degradation : outcome.degradations) ++degradations[degradation];
  foreign += outcome.foreign ? 1 : 0;
}

void LoadCounts::Add(const LoadCounts& other) {
  for (size_t m = 0; m < kLoadMethods; ++m) {
    for (const auto& [code, count] : other.calls[m]) calls[m][code] += count;
    latencies[m].Add(other.latencies[m]);
  }
  AddAll(other.sources, &sources);
  AddAll(other.degradations, &degradations);
  AddAll(other.models, &models);
  foreign += other.foreign;
}

uint64_t LoadCounts::ended() const {
  uint64_t all = 0;
  for (const auto& codes : calls) {
    for (const auto& [code, count] : codes) all += count;
  }
  return all;
}

uint64_t LoadCounts::failed() const {
  uint64_t answered = 0;
  for (const LoadHistogram& latency : latencies) answered += latency.count();
  return ended() - answered;
}

LoadHistogram LoadCounts::AllLatencies() const {
  LoadHistogram all;
  for (const LoadHistogram& latency : latencies) all.Add(latency);
  return all;
}

nlohmann::ordered_json ToJson(const LoadHistogram& latencies) {
  return {{"count", latencies.count()},      {"p50", latencies.Quantile(0.5)},     {"p90", latencies.Quantile(0.9)},
          {"p99", latencies.Quantile(0.99)}, {"p99_9", latencies.Quantile(0.999)}, {"max", latencies.max()}};
}

nlohmann::ordered_json ToJson(const LoadCounts& counts) {
  auto calls = nlohmann::ordered_json::object(), by_method = nlohmann::ordered_json::object();
  for (size_t m = 0; m < kLoadMethods; ++m) {
    const char* name = MethodName(static_cast<LoadMethod>(m));
    for (const auto& [code, count] : counts.calls[m]) calls[name][absl::StatusCodeToString(code)] = count;
    if (counts.latencies[m].count() > 0) by_method[name] = ToJson(counts.latencies[m]);
  }
  return {{"calls", calls},
          {"failed", counts.failed()},
          {"latency_us", ToJson(counts.AllLatencies())},
          {"latency_us_by_method", by_method},
          {"sources", counts.sources},
          {"degradations", counts.degradations},
          {"models", counts.models},
          {"foreign", counts.foreign}};
}

}  // namespace kindred
