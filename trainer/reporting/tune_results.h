// What a tuning left in its folder, for a report. Plain values.
#pragma once

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
  double rule = 0;  // share of the best that is good enough; 0: not known
  std::vector<std::string> parameters{};
  std::vector<TriedRun> runs{};
  std::optional<size_t> best{}, chosen{};     // of `runs`
  std::optional<Evaluation> valid{}, test{};  // of the chosen parameters{}; of the model trained with them again
};

// Reads the text of a tune.json. INVALID_ARGUMENT for what is none.
absl::StatusOr<TuneResults> ParseTuneResults(std::string_view text);

// The model's figure called `metric` ("ndcg@10", "rmse", …); NaN when the evaluation does not have it.
double MetricOf(const Evaluation& evaluation, std::string_view metric);
// Whether less of it is better: errors.
bool LowerIsBetter(std::string_view metric);
// "NDCG@10", "RMSE"; the name itself when it is not known.
std::string MetricLabel(std::string_view metric);

}  // namespace kindred
