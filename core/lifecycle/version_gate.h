// What a version must pass before it may answer: structure, checksums, finite numbers and index ranges, its model's
// name, golden queries, memory, drift from the generation that serves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/bundle/bundle_reader.h"
#include "core/lifecycle/model_registry.h"
#include "core/lifecycle/version_status.h"

namespace kindred {

struct GateOptions {
  LoadMode load_mode = LoadMode::kMap;
  VerifyLevel verify = VerifyLevel::kChecksums;
  // Memory that must stay free beside the version: of the cgroup's limit, or of the machine's.
  uint64_t memory_headroom_bytes = uint64_t{64} << 20;
  uint64_t memory_limit_bytes = 0;  // of this process, in place of what the system says; 0: what the system says
  // Refused when the mean overlap of the ten best items with the generation that serves is below this. 0: never.
  double min_overlap = 0.05;
  // Refused when users' own items rank that much lower than under the generation that serves. 1: never.
  double max_own_rank_drop = 0.2;
  // Refused when the candidate has less of the serving generation's items than this share. 0: never.
  double min_catalogue = 0.5;
};

// Told while the gate works: a step's name and how far it is, 0 to 1. False: give up (CANCELLED). Asked before each
// check of a bundle and each few MiB of it, query and comparison; by one thread at a time, but not always the caller's.
using GateProgress = std::function<bool(std::string_view step, double progress)>;

struct GateResult {
  ModelHandle model;
  int golden_queries = 0;
  Drift drift;
  MemoryNeed memory;
  double seconds = 0;
};

inline constexpr uint32_t kLeastDriftSubjects = 10;

// The step "memory" alone; `live` may be null. Needed is the file, as a map of it that does not fit is read again and
// again, and BytesMadeAtLoad. There is MemoryRoom::available less the pages of files that this process serves from,
// which must stay in memory too (those in memory now or, where that is more, the whole bundle of `live` that is
// mapped). Refused when less than the headroom would be left.
absl::Status CheckMemoryNeed(const BundleInfo& info, const ModelHandle& live, const GateOptions& options,
                             MemoryNeed* out);

// The steps, in their order: what costs little first. "header" and "memory" read nothing but the header; "checksums"
// opens the bundle at options.verify and makes what it lacks.
//
// Opens the bundle at `path` (PrepareVersion has made one of whatever the version's folder holds) as version `version`
// of `model` and puts it through every check. `live` may be null: then there is no drift. Each error says which file,
// which check, what was found and expected, and what to do: NOT_FOUND, INVALID_ARGUMENT (not a valid bundle, another
// model's), DATA_LOSS (golden queries), RESOURCE_EXHAUSTED (memory, with the numbers), FAILED_PRECONDITION (drift),
// CANCELLED. *result holds what was found so far also on an error; result->model only of a version that passed.
// `force`: drift is measured but refuses nothing. Drift refuses nothing either where fewer than kLeastDriftSubjects
// could be compared.
absl::Status PassGate(const std::string& path, const std::string& model, uint64_t version, const ModelHandle& live,
                      bool force, const GateOptions& options, const GateProgress& progress, GateResult* result);

}  // namespace kindred
