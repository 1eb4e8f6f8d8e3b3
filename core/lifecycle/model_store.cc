#include "core/lifecycle/model_store.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/engine/golden.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<ModelHandle> LoadVersion(const StoredVersion& stored, int* golden_queries) {
  ASSIGN_OR_RETURN(ModelHandle model, Model::Load(stored.path, stored.model, absl::StrCat(stored.version)));
  if (model->name() != stored.model) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is a bundle of model '%s' in the folder of model '%s'; move it, or pack it with --model %s",
                        stored.path, model->name(), stored.model, stored.model));
  }
  ASSIGN_OR_RETURN(*golden_queries, CheckGoldenQueries(*model));
  return model;
}

}  // namespace

absl::StatusOr<std::vector<StoredVersion>> ScanModelStore(const std::string& root) {
  std::error_code error;
  if (!fs::is_directory(root, error)) {
    return absl::NotFoundError(absl::StrFormat("model store '%s' is not a directory", root));
  }
  std::vector<StoredVersion> found;
  for (fs::directory_iterator model(root, error), end; !error && model != end; model.increment(error)) {
    std::error_code inner;
    for (fs::directory_iterator entry(model->path(), inner); !inner && entry != end; entry.increment(inner)) {
      StoredVersion stored;
      stored.model = model->path().filename();
      const fs::path bundle = entry->path() / kBundleFileName;
      std::error_code missing;
      const auto version = VersionOfFolder(entry->path().filename().string());
      if (version.has_value() && fs::is_regular_file(bundle, missing)) {
        stored.version = *version;
        stored.path = bundle;
        found.push_back(std::move(stored));
      }
    }
  }
  if (error) return absl::UnavailableError(absl::StrFormat("model store '%s': %s", root, error.message()));
  std::sort(found.begin(), found.end(), [](const StoredVersion& a, const StoredVersion& b) {
    return std::tie(a.model, a.version) < std::tie(b.model, b.version);
  });
  return found;
}

absl::Status LoadLatest(const std::string& root, ModelRegistry* registry, std::vector<LoadReport>* reports) {
  ASSIGN_OR_RETURN(const std::vector<StoredVersion> versions, ScanModelStore(root));
  bool any = false;
  std::string served;  // the model last published: its older versions are not needed
  for (auto stored = versions.rbegin(); stored != versions.rend(); ++stored) {
    if (any && stored->model == served) continue;
    LoadReport report;
    report.version = *stored;
    absl::StatusOr<ModelHandle> model = LoadVersion(*stored, &report.golden_queries);
    report.status = model.status();
    if (model.ok()) {
      report.model = *model;
      registry->Publish(*std::move(model));
      any = true;
      served = stored->model;
    }
    reports->push_back(std::move(report));
  }
  if (any) return absl::OkStatus();
  return absl::NotFoundError(
      versions.empty() ? absl::StrFormat("no model under '%s': looked for <model>/<version>/%s, with a decimal version",
                                         root, kBundleFileName)
                       : absl::StrFormat("none of the %d versions under '%s' could be loaded", versions.size(), root));
}

}  // namespace kindred
