// What operators decided and what served: one small file that survives the server. Pure functions but for the file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace kindred {

enum class ServingDecision : uint8_t {
  kNone,     // as the configuration says
  kLatest,   // Follow: the highest version, whatever the configuration says
  kVersion,  // Activate, Rollback: `version`, until one after `newer_than` passes the gate
  kPinned,   // Activate with `pin`: `version`, until told otherwise
};

struct LabelDecision {
  uint64_t version = 0;  // 0: the label was taken away
  uint32_t share = 0;    // of kWholeShare

  bool operator==(const LabelDecision&) const = default;
};

// Of one model.
struct ModelDecisions {
  ServingDecision decision = ServingDecision::kNone;
  uint64_t version = 0;     // of kVersion and kPinned
  uint64_t newer_than = 0;  // of kVersion: the highest version that was there then, but for those freed for a fix
  std::vector<uint64_t> passed_over;  // rolled back from, ascending: not taken while there is another
  std::map<std::string, LabelDecision, std::less<>> labels;
  std::vector<uint64_t> served;  // distinct, the most recent first, at most kMaxServed

  bool operator==(const ModelDecisions&) const = default;
};
inline constexpr size_t kMaxServed = 32;

using Decisions = std::map<std::string, ModelDecisions, std::less<>>;  // by model

std::string FormatDecisions(const Decisions& decisions);
// DATA_LOSS, naming `path` and what was found, for anything that FormatDecisions does not write, fields of a later
// Kindred among it.
absl::StatusOr<Decisions> ParseDecisions(std::string_view text, const std::string& path);

// "decisions.json" in `state_dir`.
std::string DecisionsPath(const std::string& state_dir);
// Makes `state_dir` where it is missing and removes what a write that was cut short has left there. None when there is
// no file yet; UNAVAILABLE when the folder or the file cannot be used; DATA_LOSS as ParseDecisions.
absl::StatusOr<Decisions> ReadDecisions(const std::string& state_dir);
// When it returns OK the decisions survive a crash of the machine; on an error those before do. REQUIRES:
// ReadDecisions(state_dir) was OK.
absl::Status WriteDecisions(const std::string& state_dir, const Decisions& decisions);

}  // namespace kindred
