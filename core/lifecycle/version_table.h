// What is known of every version, for those who ask while versions load: copies under a lock that is never held for
// long. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/lifecycle/version_status.h"

namespace kindred {

class VersionTable {
 public:
  // Of a model: the versions as they are, the rest from `model`.
  void SetModel(const ModelStatus& model);
  void EraseModel(std::string_view model);

  // A version that was not known comes as kDiscovered; otherwise nothing but its folder changes.
  void Add(std::string_view model, uint64_t version, const std::string& path);
  void Erase(std::string_view model, uint64_t version);
  // Changes what is known of a version, not its state. REQUIRES: it was added.
  void Change(std::string_view model, uint64_t version, const std::function<void(VersionStatus*)>& change);
  // `reason`: of kFailed. REQUIRES: it was added; MayFollow(its state, state).
  void Move(std::string_view model, uint64_t version, VersionState state, std::string_view reason = {});

  // The version's status; only its names where it is not known.
  VersionStatus Find(std::string_view model, uint64_t version) const;
  std::vector<ModelStatus> List() const;  // by name
  // NOT_FOUND, naming the models that there are.
  absl::StatusOr<ModelStatus> Get(std::string_view model) const;

 private:
  struct Model {
    ModelStatus status;  // without versions
    std::map<uint64_t, VersionStatus> versions;
  };
  static VersionStatus Complete(const Model& model, const VersionStatus& version);
  static ModelStatus Complete(const Model& model);

  mutable std::mutex mutex_;
  std::map<std::string, Model, std::less<>> models_;  // guarded by mutex_
};

}  // namespace kindred
