// `kindred update`: fit or update (requirements E4, E5). New events go into a bundle without training again, or, when
// asked, everything is trained again with the recipe that the bundle remembers. The old bundle is never edited.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/bundle_reader.h"
#include "trainer/families/train.h"
#include "trainer/families/update_parts.h"

namespace kindred {

struct UpdateOptions {
  std::string bundle;  // the old one
  // interactions, how to read them, recipe.aggregation, recipe.threads, out; of a refit also the item table. The other
  // members of the recipe are ignored: they are the bundle's.
  TrainOptions train;
  uint32_t min_events = 100;  // new events below which nothing is done
  bool force_refit = false;
  std::string version{};  // of the new bundle; empty: NextVersion
};

struct UpdateOutcome {
  std::string nothing_done;  // why there is no new bundle; empty when there is one
  bool refitted = false;
  IngestReport ingest;
  UpdateCounts counts;             // of an update
  std::vector<std::string> notes;  // what a person should know
  std::optional<PackReport> pack;  // of the new bundle
};

// Writes a new bundle at options.train.out, or says why there is nothing to do and writes none: fewer than min_events
// events are newer than the newest that the bundle was made of, or none of them is of an item that it has.
// FAILED_PRECONDITION when that cannot be told, the events or the bundle having no times; for a refit of a bundle that
// does not remember its recipe; INVALID_ARGUMENT when `out` is the old bundle. Errors of reading, training, packing.
absl::StatusOr<UpdateOutcome> Update(const UpdateOptions& options, Progress* progress);

// How the bundle's events were read, into `options`: columns, formats, conditions, clipping, aggregation. `whole`: for
// a refit, also the core and caps, the time from which on events counted, and the item table; never the files of
// events, nor the time before which events counted. A bundle that remembers nothing changes nothing. INVALID_ARGUMENT
// naming a parameter that this version does not know.
absl::Status RecallInput(const BundleInfo& info, bool whole, TrainOptions* options);

// What the bundle was trained with, events and threads apart. FAILED_PRECONDITION when it does not say.
absl::StatusOr<Recipe> RecallRecipe(const BundleInfo& info);

// "7" → "7.1" → "7.2": the version that was trained, and how many updates it had.
std::string NextVersion(const BundleInfo& info);

}  // namespace kindred
