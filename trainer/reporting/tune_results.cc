#include "trainer/reporting/tune_results.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "trainer/base/text.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::pair<std::string_view, std::string_view> kLabels[] = {
    {"recall", "Recall"},     {"precision", "Precision"},
    {"ndcg", "NDCG"},         {"map", "MAP"},
    {"hit_rate", "Hit rate"}, {"mrr", "MRR"},
    {"rmse", "RMSE"},         {"mae", "MAE"},
    {"accuracy", "Accuracy"}};

absl::Status Wrong(std::string_view what) {
  return absl::InvalidArgumentError(StrCat(what, "; expected the tune.json of kindred tune"));
}

const Json* Member(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(name));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string Text(const Json& object, std::string_view name) {
  const Json* value = Member(object, name);
  return value == nullptr ? "" : value->is_string() ? value->get<std::string>() : value->dump();
}

double Figure(const Json& object, std::string_view name) {
  const Json* value = Member(object, name);
  return value != nullptr && value->is_number() ? value->get<double>() : 0;
}

absl::StatusOr<std::optional<Evaluation>> EvaluationOf(const Json& object, std::string_view name) {
  const Json* value = Member(object, name);
  if (value == nullptr) return std::optional<Evaluation>();
  absl::StatusOr<Evaluation> out = EvaluationFromJson(value->dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!out.ok()) return Wrong(StrCat("\"", name, "\": ", out.status().message()));
  return std::optional<Evaluation>(*std::move(out));
}

absl::StatusOr<std::optional<size_t>> RunNumber(const Json& json, std::string_view name, size_t n_runs) {
  const Json* value = Member(json, name);
  if (value == nullptr) return std::optional<size_t>();
  if (!value->is_number_unsigned() || value->get<uint64_t>() >= n_runs) {
    return Wrong(StrCat("\"", name, "\" is ", value->dump(-1, ' ', false, Json::error_handler_t::replace),
                        ", which is none of ", n_runs, " runs"));
  }
  return std::optional<size_t>(value->get<size_t>());
}

}  // namespace

absl::StatusOr<TuneResults> ParseTuneResults(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Wrong("not JSON");
  if (Member(json, "kindred_tune") == nullptr) return Wrong("no \"kindred_tune\"");
  TuneResults out;
  out.family = Text(json, "family");
  out.space = Text(json, "space");
  out.metric = Text(json, "metric");
  out.rule = Figure(json, "rule");
  const Json *parameters = Member(json, "parameters"), *runs = Member(json, "runs");
  if (parameters == nullptr || !parameters->is_array()) return Wrong("no array \"parameters\"");
  if (runs == nullptr || !runs->is_array()) return Wrong("no array \"runs\"");
  for (const Json& name : *parameters) {
    if (!name.is_string()) return Wrong("\"parameters\" has what is no text");
    out.parameters.push_back(name.get<std::string>());
  }
  for (const Json& each : *runs) {
    TriedRun run;
    run.status = Text(each, "status");
    run.why = Text(each, "why");
    run.seconds = Figure(each, "seconds");
    const Json* values = Member(each, "parameters");
    for (const std::string& name : out.parameters) run.values.push_back(values == nullptr ? "" : Text(*values, name));
    ASSIGN_OR_RETURN(run.valid, EvaluationOf(each, "valid"));
    out.runs.push_back(std::move(run));
  }
  ASSIGN_OR_RETURN(out.best, RunNumber(json, "best", out.runs.size()));
  ASSIGN_OR_RETURN(out.chosen, RunNumber(json, "chosen", out.runs.size()));
  ASSIGN_OR_RETURN(out.valid, EvaluationOf(json, "valid"));
  ASSIGN_OR_RETURN(out.test, EvaluationOf(json, "test"));
  return out;
}

double MetricOf(const Evaluation& evaluation, std::string_view metric) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const size_t at = metric.find('@');
  if (at == std::string_view::npos) {
    if (evaluation.values.empty()) return kNone;
    const ValueFigures& model = evaluation.values.front();
    return metric == "rmse" ? model.rmse : metric == "mae" ? model.mae : metric == "accuracy" ? model.accuracy : kNone;
  }
  const std::optional<uint64_t> k = ParseIndex(metric.substr(at + 1));
  if (!k || evaluation.rankings.empty()) return kNone;
  for (const FiguresAtK& figures : evaluation.rankings.front().at) {
    if (figures.k != *k) continue;
    for (const RankingMetric each : kRankingMetrics) {
      if (RankingMetricName(each) == metric.substr(0, at)) return Get(figures.mean, each);
    }
  }
  return kNone;
}

bool LowerIsBetter(std::string_view metric) { return metric == "rmse" || metric == "mae"; }

std::string MetricLabel(std::string_view metric) {
  const size_t at = std::min(metric.find('@'), metric.size());
  for (const auto& [name, label] : kLabels) {
    if (name == metric.substr(0, at)) return StrCat(label, metric.substr(at));
  }
  return std::string(metric);
}

}  // namespace kindred
