// What a tuning found, and the tune.json and tune.csv in its folder that say so. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/evaluation/evaluation.h"

namespace kindred {

struct TriedRun {
  std::vector<std::string> values;  // of TuneResults::parameters
  std::string status, why;          // "done", "skipped", "failed"
  double seconds = 0;
  std::optional<Evaluation> valid;  // of one that is done
};

struct TuneResults {
  std::string family{}, space{}, metric{};
  double rule = 0;                             // share of the best that is good enough; 0: not known
  std::vector<std::string> size_parameters{};  // of `parameters`, those that say how large a model is
  std::vector<std::string> parameters{};       // what was varied
  std::vector<TriedRun> runs{};
  std::optional<size_t> best{}, chosen{};     // of `runs`
  std::optional<Evaluation> valid{}, test{};  // of the chosen parameters; of the model trained with them again
  std::string bundle{};                       // that model's; empty: not trained
  std::string setup_json{"{}"};               // object of all that the runs have in common (tune_setup.h)
};

// The text of tune.json, and of tune.csv: a header and a line a run, with the parameters, what became of it, every
// metric on validation, the share of the best, and which run is the best and which was chosen.
std::string TuneResultsJson(const TuneResults& results);
std::string TuneResultsCsv(const TuneResults& results);

// Reads the text of a tune.json. INVALID_ARGUMENT for what is none.
absl::StatusOr<TuneResults> ParseTuneResults(std::string_view text);

// What a metric's name says: the K of "ndcg@10", 0 of "rmse", "mae", "accuracy". INVALID_ARGUMENT listing the metrics
// for any other name.
absl::StatusOr<uint32_t> MetricK(std::string_view metric);
// The model's figure called `metric` ("ndcg@10", "rmse", …); NaN when the evaluation does not have it.
double MetricOf(const Evaluation& evaluation, std::string_view metric);
// Whether less of it is better: errors.
bool LowerIsBetter(std::string_view metric);
// "NDCG@10", "RMSE"; the name itself when it is not known.
std::string MetricLabel(std::string_view metric);

}  // namespace kindred
