// Which versions of a model should be loaded, and which of them serve: what the configuration and the operators say,
// over the versions that are there. Pure functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/lifecycle/decisions_file.h"
#include "core/lifecycle/version_status.h"

namespace kindred {

// What the configuration says of one model; what operators said later (Activate, Pin, SetLabel) goes before it and is
// kept in `state_dir`.
struct ModelPolicy {
  uint64_t pinned = 0;  // 0: the latest
  std::map<std::string, uint64_t, std::less<>> labels;
  uint32_t canary_share = 0;  // of users, where there is a label "canary"
  uint32_t shadow_share = 0;  // of requests, where there is a label "shadow"
};

struct AspiredVersions {
  PolicyKind policy = PolicyKind::kLatest;
  uint64_t decided = 0;            // what was asked for by its number, there or not; 0: none
  std::vector<uint64_t> wanted;    // best first: the first that can serve takes over from whatever serves
  std::vector<uint64_t> fallback;  // best first, the rest of `known`: where nothing serves; last those passed over
  std::map<std::string, LabelDecision, std::less<>> labels;  // there or not
};

// known: versions that are in the store or loaded, ascending.
AspiredVersions Aspire(const ModelPolicy& policy, const ModelDecisions& decisions, std::span<const uint64_t> known);

// The version that should serve; 0 when none can. serving: the one that does, sound; 0: none. usable: whether a version
// is loaded or may be.
uint64_t ChooseServing(const AspiredVersions& aspired, const ModelDecisions& decisions, uint64_t serving,
                       const std::function<bool(uint64_t)>& usable);

// The decisions after `version` was activated, where `known` (ascending) is there.
ModelDecisions Activated(ModelDecisions decisions, uint64_t version, bool pin, std::span<const uint64_t> known);
// After `from` was rolled back to `to`.
ModelDecisions RolledBack(ModelDecisions decisions, uint64_t from, uint64_t to, std::span<const uint64_t> known);
// After `version`, which was passed over, vanished from the store or came back with other files: it takes over again
// once it is there, where none higher was there when the decision was made, but for others that are passed over.
ModelDecisions NoLongerPassedOver(ModelDecisions decisions, uint64_t version, std::span<const uint64_t> known);
// After the model was told to follow the latest version.
ModelDecisions Following(ModelDecisions decisions);
// With `version` as the one that served last.
ModelDecisions WithServed(ModelDecisions decisions, uint64_t version);

// Versions that served before `serving`, the most recent first, without those passed over: what to roll back to.
std::vector<uint64_t> RollbackTargets(const ModelDecisions& decisions, uint64_t serving);

}  // namespace kindred
