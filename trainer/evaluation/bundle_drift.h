// What changed from one bundle to the next (requirement A13): vectors, neighbours, recommendation lists, catalogue and
// how it was trained. docs/evaluation.md says what each figure means. Plain values; the functions are thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/model.h"
#include "trainer/evaluation/list_change.h"
#include "trainer/evaluation/row_drift.h"

namespace kindred {

struct DriftOptions {
  uint32_t k = 10;                 // length of neighbour and recommendation lists
  uint32_t sample_items = 1'000;   // items whose neighbours are compared, at random; 0: all
  uint32_t sample_users = 1'000;   // users whose lists are compared, at random; 0: all
  uint32_t sample_rows = 100'000;  // rows of a table that are compared, at random; 0: all
  uint32_t worst = 5;              // ids named of each kind
  uint64_t seed = 42;
  int threads = 1;
  std::string space{};  // only this one; empty: all
};

struct MovedId {
  std::string id, name;  // name: of an item, where it is not its id
  double distance = 0;
};

// One matrix of a space.
struct TableDrift {
  std::string table;    // "items", "tokens", "users"
  uint64_t shared = 0;  // ids in both bundles
  RowDrift rows;
  std::vector<MovedId> worst;
  bool counts = false;  // towards --max-drift: items and tokens

  // Mean cosine distance: aligned, or raw where rows are not aligned.
  double drift() const { return rows.aligned ? rows.aligned->mean : rows.raw.mean; }
};

struct SpaceDrift {
  std::string name;
  std::string family_before, family_after;
  uint32_t dim_before = 0, dim_after = 0;
  std::vector<TableDrift> tables;
  uint64_t neighbor_items = 0;             // items whose neighbours were compared
  std::optional<double> neighbor_overlap;  // mean share of an item's old neighbours that it still has
  uint64_t list_users = 0;                 // users whose lists were compared
  std::optional<ListChange> lists;         // means over them
  std::vector<std::string> notes;
};

// Ids of one side only.
struct IdChange {
  uint64_t before = 0, after = 0, shared = 0;
  std::vector<std::string> some_added, some_removed;  // the first of them, in the bundle's order
  uint64_t added() const { return after - shared; }
  uint64_t removed() const { return before - shared; }
};

struct BundleSide {
  std::string path, model, version, digest, created_at;
  uint64_t interactions = 0, categories = 0;
};

// A member of the metadata that differs: its path ("data.parameters.min_item_users") and the JSON on each side, empty
// where it is absent.
struct TrainingChange {
  std::string member, before, after;
};

struct BundleDrift {
  BundleSide before, after;
  IdChange items, users, tokens;
  std::optional<ListChange> popularity;  // of the kPopularityRanks most popular items
  std::vector<SpaceDrift> spaces;        // in both bundles
  std::vector<std::string> only_before, only_after;
  std::vector<TrainingChange> training;
  DriftOptions options;
};

inline constexpr uint32_t kPopularityRanks = 100;

// NOT_FOUND for options.space in neither bundle. Time: O(rows · dim² + dim³) a table, a top-K search for each sampled
// item and user on both sides; memory: 8 bytes a shared id and O(dim²) beyond the mapped bundles.
absl::StatusOr<BundleDrift> CompareBundles(const Model& before, const Model& after, const DriftOptions& options);

// The parts of it that no vector is needed for.
IdChange CompareIds(const IdTable& before, const IdTable& after, uint32_t names);
std::vector<TrainingChange> CompareTraining(const BundleInfo& before, const BundleInfo& after);

struct DriftLimits {
  double max_drift = 0.1;  // of the items and tokens of each space
  std::optional<double> min_overlap{}, max_rank_change{};
};

// What is beyond the limits, one sentence each; none when nothing is.
std::vector<std::string> BeyondLimits(const BundleDrift& drift, const DriftLimits& limits);

// A report for people; one JSON object.
std::string BundleDriftText(const BundleDrift& drift, const DriftLimits& limits);
std::string BundleDriftJson(const BundleDrift& drift, const DriftLimits& limits);

}  // namespace kindred
