#include "core/lifecycle/version_status.h"

namespace kindred {

std::string_view VersionStateName(VersionState state) {
  switch (state) {
    case VersionState::kDiscovered:
      return "discovered";
    case VersionState::kVerifying:
      return "verifying";
    case VersionState::kWarming:
      return "warming";
    case VersionState::kReady:
      return "ready";
    case VersionState::kDraining:
      return "draining";
    case VersionState::kGone:
      return "gone";
    case VersionState::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string_view PolicyKindName(PolicyKind kind) { return kind == PolicyKind::kPinned ? "pinned" : "latest"; }

bool MayFollow(VersionState before, VersionState after) {
  switch (after) {
    case VersionState::kDiscovered:  // given up, or the files of one that failed have changed
      return before == VersionState::kVerifying || before == VersionState::kWarming || before == VersionState::kFailed;
    case VersionState::kVerifying:
      return before == VersionState::kDiscovered || before == VersionState::kGone || before == VersionState::kFailed ||
             before == VersionState::kDraining;
    case VersionState::kWarming:
      return before == VersionState::kVerifying;
    case VersionState::kReady:  // asked for again before it was gone
      return before == VersionState::kWarming || before == VersionState::kDraining;
    case VersionState::kDraining:
      return before == VersionState::kReady;
    case VersionState::kGone:
      return before == VersionState::kDraining;
    case VersionState::kFailed:
      return before == VersionState::kVerifying || before == VersionState::kWarming || before == VersionState::kReady;
  }
  return false;
}

}  // namespace kindred
