// Training, from an interactions file to a packed bundle: ingest → factorize → pack.
#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/data/ingest.h"
#include "trainer/data/item_table.h"
#include "trainer/families/nmf.h"
#include "trainer/families/svd.h"
#include "trainer/packing/pack.h"

namespace kindred {

// The one space of a factor model.
inline constexpr std::string_view kCollaborativeSpace = "collaborative";

// Weight of popularity in the score: enough to order what the factors cannot tell apart. On the sample, trained up to
// December 2017 and asked for the new products of that month (NDCG@10 over 589 households), popularity alone reaches
// 0.032, SVD with 50 factors 0.046, and weights up to 1 change that by less than its noise. Where only 3 products of a
// household are known (on households that the factors were trained on), the rest of its year goes from 0.40 to 0.44
// with this weight and to 0.52 with 0.1, but by then the list is nearly that of popularity and hardly moves with the
// household.
inline constexpr double kDefaultPriorWeight = 0.01;
// α of NMF: as good as 0 and 5 there within the noise, and every fold-in has one answer.
inline constexpr double kDefaultAlpha = 1.0;

struct TrainOptions {
  std::string interactions_path;
  IngestOptions ingest;
  std::string items_path;  // empty: none
  ItemTableOptions items;
  std::variant<SvdOptions, NmfOptions> family;
  ValueTransform transform = ValueTransform::kLog1p;
  double prior_weight = kDefaultPriorWeight;  // β
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
