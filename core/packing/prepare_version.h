// What a version's folder in a model store holds → a bundle that can be mapped (requirements C4 and C6). Compressed
// bundles and legacy files become bundles in a working folder, which is one server's own: CleanPrepared deletes what
// its caller does not keep. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kindred {

// What a version's folder holds, in the order of preference: bundle.safetensors, bundle.safetensors.zst, or the factors
// of the legacy set (legacy.h).
enum class VersionForm : uint8_t { kBundle, kCompressed, kLegacy };

// nullopt when it holds none of them.
std::optional<VersionForm> FindVersionForm(const std::string& version_dir);

// Makes the version ready to be mapped and returns the path of its bundle: that of the folder, or one that was unpacked
// or imported into `work_dir`. The working folder is made when it is missing; what is made in it is written atomically
// and named <model>-<version>-<digest of the names, sizes and times of what it was made from>. One that is there
// already, and whose checksums fit, is used again. `go_on` is asked now and then; CANCELLED when it says no (empty: it
// always says yes). `model` and `version` are the names of the folders; a legacy import is given them. NOT_FOUND when
// the folder holds no form of a version; UNAVAILABLE when it changed meanwhile; else errors of UnpackBundle,
// ReadLegacyFolder and PackParts. On error nothing is left behind.
absl::StatusOr<std::string> PrepareVersion(const std::string& version_dir, const std::string& model,
                                           const std::string& version, const std::string& work_dir,
                                           const std::function<bool()>& go_on);

// The same from the legacy files alone, for a version whose bundle cannot be used. NOT_FOUND when there are none.
absl::StatusOr<std::string> PrepareLegacy(const std::string& version_dir, const std::string& model,
                                          const std::string& version, const std::string& work_dir,
                                          const std::function<bool()>& go_on);

// Deletes what PrepareVersion and PrepareLegacy made in `work_dir`, apart from `keep` (paths that they returned), and
// what runs that died left half made. A bundle that is mapped stays readable. REQUIRES: nothing that was made since
// `keep` was put together is needed.
void CleanPrepared(const std::string& work_dir, const std::vector<std::string>& keep);

}  // namespace kindred
