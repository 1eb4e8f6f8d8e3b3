// What is known of one version of a model, for those who ask: a copy, taken at one moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kindred {

// The life of a version. Only kReady answers requests; a version that failed is tried again when its files change or
// when it is asked for by name, and by itself where it was refused for something that passes.
enum class VersionState : uint8_t {
  kDiscovered,  // complete in the store, not loaded
  kVerifying,   // structure, checksums, numbers, index ranges, golden queries, memory, drift
  kWarming,     // its pages are being read, at a bounded rate
  kReady,       // answers requests, or can at once
  kDraining,    // no new requests; those in flight finish
  kGone,        // unmapped; its files may still be there
  kFailed,      // refused, or found damaged while it served: `reason` says why
};
std::string_view VersionStateName(VersionState state);  // "discovered", …
// Whether a version may go from one state straight to another.
bool MayFollow(VersionState before, VersionState after);

// How a candidate answers next to the generation that serves, over users and items that both know.
struct Drift {
  uint32_t subjects = 0;     // compared; 0: nothing to compare with
  double overlap = 1;        // mean share of the ten best items that both give
  double own_rank = 0;       // mean percentile rank of items that their users have touched, 1 = always first
  double live_own_rank = 0;  // the same under the generation that serves
  double catalogue = 1;      // share of the serving generation's items that the candidate has
};

// Bytes, as the gate saw them.
struct MemoryNeed {
  uint64_t bundle = 0;     // of the file, and of parts made at load
  uint64_t resident = 0;   // of this process, before
  uint64_t available = 0;  // to this process: of its cgroup and of the machine, the less
  uint64_t headroom = 0;   // that must stay free
};

struct VersionStatus {
  std::string model;
  uint64_t version = 0;
  std::string path;  // of its folder in the store
  VersionState state = VersionState::kDiscovered;
  std::string reason;   // of kFailed
  std::string step;     // what is being done, or was when it failed: "checksums", "golden queries", …
  double progress = 0;  // of that, 0 to 1
  bool serving = false;
  bool poisoned = false;  // its files changed underneath
  std::vector<std::string> labels;
  std::string digest;  // once loaded, as the rest
  uint64_t bytes = 0;
  double load_seconds = 0;
  int golden_queries = 0;
  Drift drift;
  MemoryNeed memory;
  std::chrono::system_clock::time_point since{};  // when it came into its state
};

// Which version of a model serves.
enum class PolicyKind : uint8_t {
  kLatest,  // the highest version that passes the gate
  kPinned,  // one version, until told otherwise
};
std::string_view PolicyKindName(PolicyKind kind);  // "latest", "pinned"

struct LabelStatus {
  std::string label;
  uint64_t version = 0;
  uint32_t share = 0;  // of users ("canary") or of requests ("shadow"), of kWholeShare; 0 for other labels
};

struct ModelStatus {
  std::string model;
  PolicyKind policy = PolicyKind::kLatest;
  uint64_t serving_version = 0;  // 0: none
  std::vector<LabelStatus> labels;
  std::vector<VersionStatus> versions;  // ascending
};

}  // namespace kindred
