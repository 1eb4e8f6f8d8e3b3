// Tuning (requirement B7): a model for every point of a grid, each measured on validation events; the smallest that is
// good enough is chosen, trained again and measured once on the test. Runs are kept in a folder as they are done, so
// that a tuning which was interrupted, or whose grid has grown, goes on where it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/families/train.h"
#include "trainer/tuning/grid.h"
#include "trainer/tuning/tune_results.h"

namespace kindred {

struct TuneOptions {
  // What each run trains on, and how; `out` is for the model that is trained at the end.
  TrainOptions train;
  std::vector<std::string> valid;  // files of the events to find, read as those of the training
  std::vector<std::string> test;   // the same for the chosen model, in FinishTuning; may be empty
  std::vector<GridAxis> grid;      // names as in recipe_parameters.h; empty: the first size over kDefaultSizes
  uint32_t max_runs = 0;           // 0: every point of the grid; else so many, drawn by the recipe's seed
  std::string metric = "ndcg@10";  // as MetricOf has them
  double rule = 0.98;              // in (0, 1]
  EvaluateOptions evaluate;        // ks are those of the tables; that of the metric is added
  std::string folder;              // holds tune.json, tune.csv; made when it is not there
  bool restart = false;            // forget what the folder holds
};

// The grid of requirement B7.
inline constexpr const char* kDefaultSizes[] = {"10", "20", "30", "50", "75", "100"};

struct TuneOutcome {
  TuneResults results;
  size_t reused = 0;  // runs that the folder had
};

// Runs what of the grid the folder does not have yet and chooses. A run whose training refuses its parameters is
// "failed", one whose size the data does not carry "skipped", both with the reason; failed ones are tried again by the
// next tuning. INVALID_ARGUMENT for an unknown parameter or a value that does not fit, before anything is trained;
// FAILED_PRECONDITION when the folder holds another tuning (saying what differs), when another process is at work in
// it, and when no run came to a figure; errors of reading and of evaluating. The folder's files are replaced in one
// step after every run; an error before the first leaves no folder that was not there.
absl::StatusOr<TuneOutcome> Tune(const TuneOptions& options, Progress* progress);

// The options to train the chosen model with: its parameters, and with `on_valid` the validation events beside the
// training's. REQUIRES: results.chosen, and results of these options.
absl::StatusOr<TrainOptions> ChosenOptions(const TuneOptions& options, const TuneResults& results, bool on_valid);

// Measures the bundle that was trained with `chosen` on the test events, once, and keeps it in the folder and in
// *results with its path. Without test files, only the path.
absl::Status FinishTuning(const TuneOptions& options, const TrainOptions& chosen, TuneResults* results,
                          Progress* progress);

}  // namespace kindred
