#include "trainer/tuning/tune_results.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"

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

Json EvaluationValue(const std::optional<Evaluation>& evaluation) {
  return evaluation ? Json::parse(EvaluationJson(*evaluation)) : Json();
}

Json NumberOrNull(const std::optional<size_t>& number) { return number ? Json(*number) : Json(); }

// RFC 4180.
std::string CsvCell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

// The name of every figure that some run has, in the order of the first.
std::vector<std::string> FigureNames(const TuneResults& results) {
  std::vector<std::string> names;
  for (const TriedRun& run : results.runs) {
    if (!run.valid || run.valid->rankings.empty()) continue;
    for (const FiguresAtK& at : run.valid->rankings.front().at) {
      for (const RankingMetric metric : kRankingMetrics) {
        names.push_back(StrCat(RankingMetricName(metric), "@", at.k));
      }
    }
    if (!run.valid->values.empty()) names.insert(names.end(), {"rmse", "mae", "accuracy"});
    break;
  }
  return names;
}

}  // namespace

std::string TuneResultsJson(const TuneResults& results) {
  Json out = {{"kindred_tune", 1},
              {"family", results.family},
              {"space", results.space},
              {"metric", results.metric},
              {"rule", results.rule},
              {"size_parameters", results.size_parameters},
              {"parameters", results.parameters},
              {"best", NumberOrNull(results.best)},
              {"chosen", NumberOrNull(results.chosen)},
              {"bundle", results.bundle.empty() ? Json() : Json(results.bundle)},
              {"valid", EvaluationValue(results.valid)},
              {"test", EvaluationValue(results.test)},
              {"runs", Json::array()}};
  for (const TriedRun& run : results.runs) {
    Json values = Json::object();
    for (size_t i = 0; i < results.parameters.size(); ++i) values[results.parameters[i]] = run.values[i];
    out["runs"].push_back({{"parameters", std::move(values)},
                           {"status", run.status},
                           {"why", run.why},
                           {"seconds", run.seconds},
                           {"valid", EvaluationValue(run.valid)}});
  }
  out["setup"] = Json::parse(results.setup_json);
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string TuneResultsCsv(const TuneResults& results) {
  std::vector<std::string> header = {"run"};
  for (const std::string& name : results.parameters) header.push_back(CsvCell(name));
  header.insert(header.end(), {"status", "seconds"});
  const std::vector<std::string> figures = FigureNames(results);
  header.insert(header.end(), figures.begin(), figures.end());
  header.insert(header.end(), {"share_of_best", "best", "chosen", "why"});
  std::string out = StrJoin(header, ",") + "\n";
  const auto text = [](double value) { return std::isfinite(value) ? absl::StrFormat("%.9g", value) : std::string(); };
  const double best = results.best ? MetricOf(*results.runs[*results.best].valid, results.metric) : std::nan("");
  for (size_t i = 0; i < results.runs.size(); ++i) {
    const TriedRun& run = results.runs[i];
    std::vector<std::string> row = {StrCat(i + 1)};
    for (const std::string& value : run.values) row.push_back(CsvCell(value));
    row.insert(row.end(), {run.status, absl::StrFormat("%.3f", run.seconds)});
    for (const std::string& name : figures) row.push_back(run.valid ? text(MetricOf(*run.valid, name)) : "");
    const double metric = run.valid ? MetricOf(*run.valid, results.metric) : std::nan("");
    row.insert(row.end(),
               {text(LowerIsBetter(results.metric) ? best / metric : metric / best),
                results.best == i ? "true" : "false", results.chosen == i ? "true" : "false", CsvCell(run.why)});
    StrAppend(&out, StrJoin(row, ","), "\n");
  }
  return out;
}

absl::StatusOr<TuneResults> ParseTuneResults(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Wrong("not JSON");
  if (Member(json, "kindred_tune") == nullptr) return Wrong("no \"kindred_tune\"");
  TuneResults out;
  out.family = Text(json, "family");
  out.space = Text(json, "space");
  out.metric = Text(json, "metric");
  out.rule = Figure(json, "rule");
  out.bundle = Text(json, "bundle");
  if (const Json* setup = Member(json, "setup"); setup != nullptr && setup->is_object()) out.setup_json = setup->dump();
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
  if (const Json* sizes = Member(json, "size_parameters"); sizes != nullptr && sizes->is_array()) {
    for (const Json& name : *sizes) {
      if (name.is_string()) out.size_parameters.push_back(name.get<std::string>());
    }
  }
  ASSIGN_OR_RETURN(out.best, RunNumber(json, "best", out.runs.size()));
  ASSIGN_OR_RETURN(out.chosen, RunNumber(json, "chosen", out.runs.size()));
  ASSIGN_OR_RETURN(out.valid, EvaluationOf(json, "valid"));
  ASSIGN_OR_RETURN(out.test, EvaluationOf(json, "test"));
  return out;
}

absl::StatusOr<uint32_t> MetricK(std::string_view metric) {
  if (metric == "rmse" || metric == "mae" || metric == "accuracy") return 0;
  const size_t at = metric.find('@');
  std::vector<std::string> names;
  for (const RankingMetric each : kRankingMetrics) {
    names.push_back(StrCat(RankingMetricName(each), "@K"));
    if (at == metric.npos || RankingMetricName(each) != metric.substr(0, at)) continue;
    const std::optional<uint64_t> k = ParseIndex(metric.substr(at + 1));
    if (k && *k >= 1 && *k <= kMaxRankedItems) return static_cast<uint32_t>(*k);
  }
  return absl::InvalidArgumentError(StrCat("metric: found ", Shown(metric), ", expected one of ", StrJoin(names, ", "),
                                           ", rmse, mae, accuracy, with K from 1 to ", kMaxRankedItems));
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
