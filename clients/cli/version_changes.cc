#include "clients/cli/version_changes.h"

#include <tuple>

#include "clients/cli/model_text.h"

namespace kindred {
namespace {

auto Watched(const VersionChange& seen) {
  return std::make_tuple(seen.version.state(), seen.version.serving(), seen.version.poisoned(), seen.version.reason(),
                         seen.labels);
}

bool WorthALine(const v1::ModelVersion& version) {
  return version.state() != v1::VERSION_STATE_DISCOVERED && version.state() != v1::VERSION_STATE_GONE;
}

}  // namespace

std::vector<VersionChange> VersionChanges::Take(const google::protobuf::RepeatedPtrField<v1::ServedModel>& models) {
  std::vector<VersionChange> changes;
  std::map<std::pair<std::string, uint64_t>, VersionChange> now;
  for (const v1::ServedModel& model : models) {
    for (const v1::ModelVersion& version : model.versions()) {
      VersionChange seen{model.model(), version, LabelText(model, version)};
      const auto before = known_.find({model.model(), version.version()});
      const bool changed =
          before == known_.end() ? !first_ || WorthALine(version) : Watched(before->second) != Watched(seen);
      if (changed) changes.push_back(seen);
      now[{model.model(), version.version()}] = std::move(seen);
    }
  }
  for (auto& [key, seen] : known_) {
    if (now.count(key) > 0) continue;
    seen.removed = true;
    changes.push_back(std::move(seen));
  }
  known_ = std::move(now);
  first_ = false;
  return changes;
}

}  // namespace kindred
