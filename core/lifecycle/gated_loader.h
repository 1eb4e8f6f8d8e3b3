// How a server loads versions: bundles of whatever a folder holds, through the gate, and a watch on the store.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/lifecycle/version_gate.h"
#include "core/lifecycle/version_loader.h"

namespace kindred {

// work_dir: of bundles that are made of other forms.
std::unique_ptr<VersionLoader> MakeGatedLoader(const GateOptions& options, const std::string& work_dir);

// Errors as StoreWatcher::Open.
absl::StatusOr<std::unique_ptr<StoreWatch>> OpenStoreWatch(const std::string& store_dir);

}  // namespace kindred
