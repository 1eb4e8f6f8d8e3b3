// One model as the manager sees it: its versions, the generations that are loaded, and the routes that follow from
// them. Only for the manager's thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/lifecycle/aspired_versions.h"
#include "core/lifecycle/model_registry.h"
#include "core/lifecycle/model_store.h"
#include "core/lifecycle/version_status.h"

namespace kindred {

struct KnownVersion {
  StoredVersion stored;
  bool in_store = false;
  VersionState state = VersionState::kDiscovered;
  std::string failed_signature;   // of kFailed: the files that were refused
  std::string changed_signature;  // of kFailed: other files, seen once
  ModelHandle model;              // of kReady
  std::weak_ptr<const Model> draining;
  std::string watched;         // the file under the generation; empty: none
  bool asked = false;          // loaded by name: stays until it has served or is unloaded
  bool told_damage = false;    // the observer knows that the files are not what was loaded
  bool told_vanished = false;  // the observer knows that the folder is gone

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

  const KnownVersion* Find(uint64_t version) const;
  KnownVersion* Find(uint64_t version);
  std::vector<uint64_t> Known() const;  // ascending; in the store or loaded
  bool HasLabel(uint64_t version) const;
  ModelStatus Status() const;  // without versions
};

// What requests are answered by. Others: those that served before, the most recent first, then those that did not; last
// of both those passed over. REQUIRES: model.published != nullptr.
ModelRoutes MakeRoutes(const ServedModel& model, const ModelDecisions& decisions);

// Generations that nothing needs any more: not serving, not labelled, not asked for, not among the `keep_ready` that
// served last.
std::vector<uint64_t> NotNeeded(const ServedModel& model, const ModelDecisions& decisions, int keep_ready);

// The generation to serve where the present one is lost: the best one wanted that is loaded, else the first of the
// others. 0: none.
uint64_t BestReady(const ServedModel& model, const ModelDecisions& decisions);

}  // namespace kindred
