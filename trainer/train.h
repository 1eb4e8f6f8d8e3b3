// Training, from an interactions file to a packed bundle: ingest → factorize → pack.
#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "trainer/ingest.h"
#include "trainer/item_table.h"
#include "trainer/nmf.h"
#include "trainer/pack.h"
#include "trainer/progress.h"
#include "trainer/svd.h"

namespace kindred {

// The one space of a factor model.
inline constexpr std::string_view kCollaborativeSpace = "collaborative";

struct TrainOptions {
  std::string interactions_path;
  IngestOptions ingest;
  std::string items_path;  // empty: none
  ItemTableOptions items;
  std::variant<SvdOptions, NmfOptions> family;
  ValueTransform transform = ValueTransform::kLog1p;
  double prior_weight = 0;  // β
  std::string model = "default";
  std::string version = "1";
  std::string source;  // empty: the file name of the interactions
  std::string out;
};

struct TrainReport {
  IngestReport ingest;
  PackReport pack;
  std::string reduced;        // why there are fewer factors than asked for, or empty
  double relative_error = 0;  // ‖R − UVᵀ‖_F / ‖R‖_F of the transformed values
};

// Reads, trains, packs and publishes `options.out`; on error nothing is left there that was not there before. A trained
// user's row is the fold-in of their own interactions, so a server that folds the same history in arrives at the same
// vector. Errors of the steps.
absl::StatusOr<TrainReport> Train(const TrainOptions& options, Progress* progress);

}  // namespace kindred
