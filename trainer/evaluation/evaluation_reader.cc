// Evaluations read back from their JSON.
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/evaluation/evaluation.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

const Json* Member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(name));
  return found == object.end() ? nullptr : &*found;
}

// NaN for what is no number: null is how JSON says NaN.
double Figure(const Json& object, std::string_view name) {
  const Json* value = Member(object, name);
  return value != nullptr && value->is_number() ? value->get<double>() : std::numeric_limits<double>::quiet_NaN();
}

uint64_t Count(const Json& object, std::string_view name) {
  const double value = Figure(object, name);
  return value >= 0 && value < 1e18 ? static_cast<uint64_t>(value) : 0;
}

std::string Text(const Json& object, std::string_view name) {
  const Json* value = Member(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

// Items of an array; none for anything else.
const Json& Items(const Json& object, std::string_view name) {
  static const Json kNone = Json::array();
  const Json* value = Member(object, name);
  return value != nullptr && value->is_array() ? *value : kNone;
}

std::map<std::string, uint64_t> Sources(const Json& object) {
  std::map<std::string, uint64_t> out;
  const Json* sources = Member(object, "sources");
  if (sources == nullptr || !sources->is_object()) return out;
  for (const auto& [name, users] : sources->items()) out.emplace(name, Count(*sources, name));
  return out;
}

RankingFigures ToRanking(const Json& json) {
  RankingFigures out;
  out.name = Text(json, "name");
  const Json none;
  for (const Json& row : Items(json, "at")) {
    FiguresAtK at;
    at.k = static_cast<uint32_t>(std::min<uint64_t>(Count(row, "k"), UINT32_MAX));
    const Json* errors = Member(row, "standard_error");
    for (size_t i = 0; i < kRankingMetrics.size(); ++i) {
      at.mean[i] = Figure(row, RankingMetricName(kRankingMetrics[i]));
      at.standard_error[i] = Figure(errors == nullptr ? none : *errors, RankingMetricName(kRankingMetrics[i]));
    }
    if (Member(row, "coverage") != nullptr) {
      at.concentration = Concentration{Figure(row, "coverage"), Figure(row, "gini"),
                                       Figure(row, "top_10_percent_share"), Figure(row, "mean_popularity")};
    }
    out.at.push_back(at);
  }
  out.sources = Sources(json);
  out.user_coverage = Figure(json, "user_coverage");
  return out;
}

// {"recall@10": …} of each K, in the order of the K's first metric.
std::vector<FiguresAtK> AtEveryK(const Json& json) {
  std::vector<FiguresAtK> out;
  const Json* errors = Member(json, "standard_error");
  const std::string first = StrCat(RankingMetricName(kRankingMetrics[0]), "@");
  if (!json.is_object()) return out;
  for (const auto& [name, value] : json.items()) {
    if (!name.starts_with(first)) continue;
    const std::optional<uint64_t> k = ParseIndex(std::string_view(name).substr(first.size()));
    if (!k || *k > UINT32_MAX) continue;
    FiguresAtK at;
    at.k = static_cast<uint32_t>(*k);
    for (size_t i = 0; i < kRankingMetrics.size(); ++i) {
      const std::string key = StrCat(RankingMetricName(kRankingMetrics[i]), "@", *k);
      at.mean[i] = Figure(json, key);
      at.standard_error[i] = errors == nullptr ? std::numeric_limits<double>::quiet_NaN() : Figure(*errors, key);
    }
    out.push_back(at);
  }
  return out;
}

std::optional<ColdStart> ToColdStart(const Json& json) {
  const Json& points = Items(json, "cold_start");
  if (points.empty()) return std::nullopt;
  ColdStart out;
  for (const Json& row : points) {
    const auto events = static_cast<uint32_t>(std::min<uint64_t>(Count(row, "events"), UINT32_MAX));
    out.points.push_back({events, AtEveryK(row), Sources(row)});
    out.users = Count(row, "users");
    if (const Json* popularity = Member(row, "popularity"); popularity != nullptr) {
      out.popularity = AtEveryK(*popularity);
    }
    if (const Json* reference = Member(row, "reference"); reference != nullptr) out.reference = AtEveryK(*reference);
    out.reference_ranker.digest = Text(row, "reference_digest");
  }
  return out;
}

}  // namespace

absl::StatusOr<Evaluation> EvaluationFromJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("not JSON, expected what kindred evaluate --json prints");
  const Json& rankings = Items(json, "rankings");
  if (rankings.empty() || Items(rankings[0], "at").empty()) {
    return absl::InvalidArgumentError("no \"rankings\" with figures, expected what kindred evaluate --json prints");
  }
  Evaluation out;
  out.ranker = {Text(json, "model"), Text(json, "version"), Text(json, "digest"), Text(json, "space")};
  const Json* include_seen = Member(json, "include_seen");
  out.include_seen = include_seen != nullptr && include_seen->is_boolean() && include_seen->get<bool>();
  out.negatives = static_cast<uint32_t>(std::min<uint64_t>(Count(json, "negatives"), UINT32_MAX));
  out.seed = Count(json, "seed");
  out.test_rows = Count(json, "test_rows");
  out.test_users = Count(json, "test_users");
  out.sampled_users = Count(json, "sampled_users");
  out.scored_users = Count(json, "scored_users");
  out.relevant_items = Count(json, "relevant_items");
  out.unknown_items = Count(json, "unknown_items");
  out.seen_items = Count(json, "seen_items");
  out.value_pairs = Count(json, "value_pairs");
  for (const Json& ranking : rankings) out.rankings.push_back(ToRanking(ranking));
  for (const Json& values : Items(json, "values")) {
    out.values.push_back(
        {Text(values, "name"), Figure(values, "rmse"), Figure(values, "mae"), Figure(values, "accuracy")});
  }
  for (const Json& note : Items(json, "notes")) {
    if (note.is_string()) out.notes.push_back(note.get<std::string>());
  }
  out.cold_start = ToColdStart(json);
  return out;
}

}  // namespace kindred
