#include "core/packing/legacy.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/tensor_names.h"
#include "core/packing/legacy_lists.h"
#include "core/packing/mapping.h"
#include "core/packing/npy.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSpaceName = "collaborative";

std::string Conversion(const std::string& pickle) {
  const std::string json = fs::path(pickle).replace_extension(".json").string();
  return absl::StrFormat(
      "%s is a Python pickle, which can run code when it is read, so Kindred does not. The converter of clients/python "
      "reads it as data and runs nothing of it:\n"
      "  pip install ./clients/python\n"
      "  python3 -m kindred.legacy mapping '%s' --out '%s'\n"
      "or makes a bundle of the whole folder: python3 -m kindred.legacy convert '%s' --out bundle.safetensors",
      pickle, pickle, json, fs::path(pickle).parent_path().string());
}

// The mapping of `stem` in either form.
absl::StatusOr<std::string> FindMapping(const fs::path& folder, const std::string& stem) {
  std::vector<std::string> found;
  for (const char* extension : {".csv", ".csv.gz", ".json"}) {
    const fs::path path = folder / (stem + extension);
    if (fs::exists(path)) found.push_back(path.string());
  }
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    return absl::InvalidArgumentError(StrCat(StrJoin(found, " and "), " both exist; keep the one that counts"));
  }
  for (const char* extension : {".pkl", ".pickle", ".joblib"}) {
    const fs::path path = folder / (stem + extension);
    if (fs::exists(path)) return absl::InvalidArgumentError(Conversion(path.string()));
  }
  return absl::InvalidArgumentError(absl::StrFormat("%s: has no %s.csv or %s.json, which say the id of each matrix row",
                                                    folder.string(), stem, stem));
}

absl::StatusOr<NpyMatrix> ReadMatrix(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  if (!fs::exists(path)) return absl::InvalidArgumentError(absl::StrFormat("%s: has no %s", folder.string(), name));
  return ReadNpyMatrix(path.string());
}

// Users with a list and no factors: their rows are zeros, and the average stays that of the others.
void AddListedUsers(const std::vector<std::string>& ids, uint32_t dim, std::vector<std::string>* user_ids,
                    std::vector<float>* factors, BundleParts* parts) {
  if (ids.empty()) return;
  std::vector<double> sum(dim, 0.0);
  for (size_t i = 0; i < factors->size(); ++i) sum[i % dim] += (*factors)[i];
  auto average = OwnedTensor::Zeros<float>(names::Space(kSpaceName, names::kAverage), {dim});
  for (uint32_t j = 0; j < dim; ++j) {
    average.Data<float>()[j] = static_cast<float>(sum[j] / static_cast<double>(user_ids->size()));
  }
  parts->tensors.push_back(std::move(average));
  user_ids->insert(user_ids->end(), ids.begin(), ids.end());
  factors->resize(user_ids->size() * dim, 0.0f);
}

void AddLists(const LegacyLists& lists, BundleParts* parts) {
  parts->tensors.push_back(OwnedTensor::Copy<int64_t>(names::Offsets(names::kRecommendations), {lists.offsets.size()},
                                                      std::span<const int64_t>(lists.offsets)));
  parts->tensors.push_back(OwnedTensor::Copy<uint32_t>(names::Values(names::kRecommendations), {lists.items.size()},
                                                       std::span<const uint32_t>(lists.items)));
  parts->tensors.push_back(OwnedTensor::Copy<float>(names::Weights(names::kRecommendations), {lists.scores.size()},
                                                    std::span<const float>(lists.scores)));
}

}  // namespace

absl::StatusOr<LegacyImport> ReadLegacyFolder(const std::string& folder, const LegacyOptions& options) {
  const fs::path root(folder);
  std::error_code error;
  if (!fs::is_directory(root, error)) return absl::NotFoundError(StrCat(folder, ": there is no such folder"));
  LegacyImport out;
  ASSIGN_OR_RETURN(NpyMatrix users, ReadMatrix(root, "user_latent_factors.npy"));
  ASSIGN_OR_RETURN(const NpyMatrix items, ReadMatrix(root, "item_latent_factors.npy"));
  if (users.cols != items.cols) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: user_latent_factors.npy has %d columns and item_latent_factors.npy %d, expected the same "
                        "number of factors",
                        folder, users.cols, items.cols));
  }
  out.users = users.rows;
  out.items = items.rows;
  out.dim = static_cast<uint32_t>(users.cols);
  out.notes.push_back(absl::StrFormat("user_latent_factors.npy: %s × %d", WithThousands(users.rows), users.cols));
  out.notes.push_back(absl::StrFormat("item_latent_factors.npy: %s × %d", WithThousands(items.rows), items.cols));

  ASSIGN_OR_RETURN(const std::string user_path, FindMapping(root, "customer_mapping"));
  ASSIGN_OR_RETURN(std::vector<std::string> user_ids, ReadMapping(user_path, users.rows));
  ASSIGN_OR_RETURN(const std::string item_path, FindMapping(root, "item_mapping"));
  ASSIGN_OR_RETURN(const std::vector<std::string> item_ids, ReadMapping(item_path, items.rows));
  for (const std::string& path : {user_path, item_path}) {
    out.notes.push_back(StrCat(fs::path(path).filename().string(), ": the ids of the rows"));
  }
  if (const fs::path path = root / "recommendations.csv"; fs::exists(path)) {
    ASSIGN_OR_RETURN(const LegacyLists lists, ReadLegacyLists(path.string(), user_ids, item_ids));
    out.notes.push_back(lists.note);
    AddListedUsers(lists.new_users, out.dim, &user_ids, &users.values, &out.parts);
    AddLists(lists, &out.parts);
  }
  if (const fs::path path = root / "item_similarity.npy"; fs::exists(path)) {
    RETURN_IF_ERROR(ReadNpyHeader(path.string()).status());
    out.notes.push_back("item_similarity.npy: recognised and left out, Kindred computes cosines from the item factors");
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(root, error)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".pkl" || extension == ".pickle" || extension == ".joblib") {
      out.notes.push_back(StrCat(entry.path().filename().string(), ": a Python pickle, not read and not needed"));
    }
  }
  std::sort(out.notes.begin() + 2, out.notes.end());

  SpaceSpec spec;
  spec.family = "external";
  spec.dim = out.dim;
  AddIds(user_ids, item_ids, &out.parts);
  AddSpace(kSpaceName, out.dim, items.values, users.values, &out.parts);
  const fs::path named = fs::weakly_canonical(root, error);
  AddMetadata(options.model, options.version, options.source.empty() ? named.filename().string() : options.source,
              {{std::string(kSpaceName), spec}}, kSpaceName, "", &out.parts);
  return out;
}

}  // namespace kindred
