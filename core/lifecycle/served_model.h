// One model as the manager sees it: its versions, the generations that are loaded, and the routes that follow from
// them. Only for the manager's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/lifecycle/aspired_versions.h"
#include "core/lifecycle/model_registry.h"
#include "core/lifecycle/model_store.h"
#include "core/lifecycle/version_status.h"

namespace kindred {

struct KnownVersion {
  StoredVersion stored;
  bool in_store = false;
  VersionState state = VersionState::kDiscovered;
  std::string loaded_signature;   // of kReady and kDraining: the files it was loaded from
  std::string failed_signature;   // of kFailed: the files that were refused
  std::string changed_signature;  // of kFailed: other files, seen once
  absl::Status refusal;           // of kFailed: by the gate; OK where it was found damaged
  // Of kFailed for drift: the generation that it was compared with.
  std::weak_ptr<const Model> drifted_from;
  // Of kFailed for something that passes: when it is tried again by itself.
  std::chrono::steady_clock::time_point retry_at = kNoRetry;
  std::chrono::milliseconds backoff{
      0};             // before the last such retry; 0: it was not refused that way since it was ready
  ModelHandle model;  // of kReady
  std::weak_ptr<const Model> draining;
  std::string watched;         // the file under the generation; empty: none
  bool asked = false;          // loaded by name: stays until it has served or is unloaded
  bool changed = false;        // its files, while they were loaded
  bool suspect = false;        // its file was touched: whether it is as it was must be read
  bool told_damage = false;    // the observer knows that the files are not what was loaded
  bool told_vanished = false;  // the observer knows that the folder is gone
  bool spare_refused = false;  // there was no room to keep it ready; until some version is gone
  bool unloaded = false;       // by name: it is not made ready again just to go back to
  bool told_spare = false;     // the observer knows that there was none

  static constexpr auto kNoRetry = std::chrono::steady_clock::time_point::max();
  bool ready() const { return model != nullptr; }
};

struct ServedModel {
  std::string name;
  ModelPolicy policy;
  AspiredVersions aspired;
  std::map<uint64_t, KnownVersion> versions;
  uint64_t serving = 0;   // 0: none that is sound
  ModelHandle published;  // the serving generation of the routes; poisoned where there is no other
  uint64_t noted = 0;     // the version last noted to serve in place of the one decided on
  // Versions last noted not to be there for their label.
  std::map<std::string, uint64_t, std::less<>> noted_labels;
  // Of versions passed over: their files when they came to be, as SignatureOf.
  std::map<uint64_t, std::string> passed_over_files;

  const KnownVersion* Find(uint64_t version) const;
  KnownVersion* Find(uint64_t version);
  std::vector<uint64_t> Known() const;  // ascending; in the store or loaded
  bool HasLabel(uint64_t version) const;
  ModelStatus Status() const;  // without versions
};

// What requests are answered by. Others: those that served before, the most recent first, then those that did not; last
// of both those passed over. REQUIRES: model.published != nullptr.
ModelRoutes MakeRoutes(const ServedModel& model, const ModelDecisions& decisions);

// Generations that nothing needs any more: not serving, not labelled, not asked for, not among the first `keep_ready`
// to go back to. Those are the ones that served last or, where none of them is good and in the store, the versions next
// below the serving one.
std::vector<uint64_t> NotNeeded(const ServedModel& model, const ModelDecisions& decisions, int keep_ready);

// The version to make ready next so that there are `keep_ready` to go back to; 0: none, or nothing sound serves.
uint64_t NextSpare(const ServedModel& model, const ModelDecisions& decisions, int keep_ready);

// The generation to serve where the present one is lost: the best one wanted that is loaded, else the first of the
// others. 0: none.
uint64_t BestReady(const ServedModel& model, const ModelDecisions& decisions);

}  // namespace kindred
