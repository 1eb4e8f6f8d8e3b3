// Training, from events to a packed bundle: read → aggregate → train each space → assemble → pack.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/packing/bundle_parts.h"
#include "core/packing/pack.h"
#include "trainer/base/parallel.h"
#include "trainer/base/parameters.h"
#include "trainer/base/progress.h"
#include "trainer/data/aggregate.h"
#include "trainer/data/item_table.h"
#include "trainer/data/read_events.h"
#include "trainer/families/family.h"

namespace kindred {

// The one space of a factor model, as `kindred train svd` and `nmf` name it.
inline constexpr std::string_view kCollaborativeSpace = "collaborative";

// One space to train. Shared families are used by one training at a time.
struct SpaceRecipe {
  std::string name;
  std::shared_ptr<Family> family;
  std::optional<double> prior_weight;  // β; none: the family's
  EventWeights weights;
};

// A space that ranks by others of the bundle together.
struct BlendRecipe {
  std::string name = "hybrid";
  std::vector<std::pair<std::string, double>> parts;  // space → weight
  double prior_weight = 0;
};

// Everything that decides what a bundle holds, apart from the events themselves.
struct Recipe {
  std::vector<SpaceRecipe> spaces;
  std::optional<BlendRecipe> blend;
  std::string default_space;  // empty: the blend, else the first
  Aggregation aggregation = Aggregation::kSum;
  double prior_half_life_days = 0;  // 0: popularity counts every user alike; else newer ones more
  uint64_t seed = 42;
  int threads = DefaultThreads();
  std::string model = "default";
  std::string version = "1";
  std::string source;
};

struct TrainReport {
  std::vector<std::string> notes;             // what a person should know, with the space's name
  std::map<std::string, std::string> spaces;  // space → figures, JSON object
};

// A bundle before it is packed.
struct TrainedBundle {
  BundleParts parts;
  TrainReport report;
};

// Trains every space of `recipe` on `events`. `items` is of the events' catalogue, empty when nothing is known.
// `data_json`: object of how the events were read, kept in the bundle; "{}" when nobody knows. The same input and one
// thread give the same bundle. INVALID_ARGUMENT for a recipe that makes no sense (no space, a name twice, a blend of
// what is not there), and the families' own errors, naming the space.
absl::StatusOr<TrainedBundle> TrainBundle(const EventLog& events, const ItemTable& items, const Recipe& recipe,
                                          std::string_view data_json, Progress* progress);

struct TrainOptions {
  std::vector<std::string> interactions;  // paths
  EventReadOptions read;
  std::string items;                             // path; empty: none
  ItemTableOptions item_table{.id_column = ""};  // empty: the column of the events
  bool untouched_items = false;  // whether items of the item file that nobody touched join the catalogue
  Recipe recipe;
  std::string out;
};

struct TrainOutcome {
  IngestReport ingest;
  TrainReport train;
  PackReport pack;
};

// Reads, trains, packs and publishes `options.out`; on error nothing is left there that was not there before. A trained
// user's row is the fold-in of their own events, so a server that folds the same history in arrives at the same vector.
// Errors of the steps.
absl::StatusOr<TrainOutcome> Train(const TrainOptions& options, Progress* progress);

// Reading alone: the events and the items of their catalogue, as Train reads them.
struct TrainingInput {
  EventInput events;
  ItemTable items;
};
absl::StatusOr<TrainingInput> ReadTrainingInput(const TrainOptions& options, Progress* progress);

// Adds the parameters of one space that are not its family's: "prior_weight", "action_weights", "half_life_days".
// `recipe` must outlive the list.
void DescribeSpace(SpaceRecipe* recipe, ParameterList* parameters);
// Adds "interactions", the columns and filters of events, "aggregate".
void DescribeEventInput(TrainOptions* options, ParameterList* parameters);
// Adds "items" and its columns.
void DescribeItemInput(TrainOptions* options, ParameterList* parameters);
// Adds "out", "model", "version", …, "seed", "threads".
void DescribeBundle(TrainOptions* options, ParameterList* parameters);

}  // namespace kindred
