#include "core/lifecycle/model_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/engine/golden.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

// The version that a directory name says, or false.
bool ParseVersion(const std::string& name, uint64_t* version) {
  return !name.empty() && name.find_first_not_of("0123456789") == std::string::npos && name[0] != '0' &&
         absl::SimpleAtoi(name, version);
}

bool HoldsAVersion(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(folder / kBundleFileName, error);
}

absl::StatusOr<ModelHandle> LoadVersion(const StoredVersion& stored, int* golden_queries) {
  const std::string bundle = fs::path(stored.path) / kBundleFileName;
  ASSIGN_OR_RETURN(ModelHandle model, Model::Load(bundle, stored.model, absl::StrCat(stored.version)));
  if (model->name() != stored.model) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is a bundle of model '%s' in the folder of model '%s'; move it, or pack it with --model %s",
                        bundle, model->name(), stored.model, stored.model));
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
      if (!ParseVersion(entry->path().filename(), &stored.version) || !HoldsAVersion(entry->path())) continue;
      stored.path = entry->path();
      stored.signature = SignatureOf(stored.path);
      found.push_back(std::move(stored));
    }
  }
  if (error) return absl::UnavailableError(absl::StrFormat("model store '%s': %s", root, error.message()));
  std::sort(found.begin(), found.end(), [](const StoredVersion& a, const StoredVersion& b) {
    return std::tie(a.model, a.version) < std::tie(b.model, b.version);
  });
  return found;
}

std::string SignatureOf(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    struct stat info;
    // Links are followed: it is the file that is mapped.
    if (stat(entry->path().c_str(), &info) != 0) continue;
    files.push_back(absl::StrFormat("%s %d %d.%09d %d:%d\n", entry->path().filename().string(), info.st_size,
                                    info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_dev, info.st_ino));
  }
  std::sort(files.begin(), files.end());
  return absl::StrJoin(files, "");
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
