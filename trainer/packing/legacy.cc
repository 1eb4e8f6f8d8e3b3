#include "trainer/packing/legacy.h"

#include <algorithm>
#include <filesystem>
#include <unordered_set>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "trainer/base/progress.h"
#include "trainer/base/text.h"
#include "trainer/data/csv_reader.h"
#include "trainer/packing/mapping.h"
#include "trainer/packing/npy.h"

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

std::optional<size_t> FirstColumn(const CsvReader& csv, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    if (const std::optional<size_t> column = csv.FindColumn(name)) return column;
  }
  return std::nullopt;
}

absl::StatusOr<std::string> CheckRecommendations(const std::string& path, const std::vector<std::string>& user_ids,
                                                 const std::vector<std::string>& item_ids) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path));
  const auto user = FirstColumn(*csv, {"customer_id", "user_id", "user", "customer"});
  const auto item = FirstColumn(*csv, {"article_id", "item_id", "product_id", "item", "article"});
  if (!user || !item) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: has columns %s, expected one of customer_id, user_id and one of article_id, item_id, product_id", path,
        StrJoin(csv->header(), ", ")));
  }
  const std::unordered_set<std::string_view> users(user_ids.begin(), user_ids.end());
  const std::unordered_set<std::string_view> items(item_ids.begin(), item_ids.end());
  std::unordered_set<std::string> served;
  uint64_t unknown_users = 0, unknown_items = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    served.insert(std::string(csv->Field(*user)));
    unknown_users += !users.contains(csv->Field(*user));
    unknown_items += !items.contains(csv->Field(*item));
  }
  return absl::StrFormat(
      "%s: %s rows for %s users read and checked (%s of unknown users, %s of unknown items); not packed, Kindred "
      "computes each answer from the factors",
      fs::path(path).filename().string(), WithThousands(csv->records()), WithThousands(served.size()),
      WithThousands(unknown_users), WithThousands(unknown_items));
}

}  // namespace

absl::StatusOr<LegacyImport> ReadLegacyFolder(const std::string& folder, const LegacyOptions& options) {
  const fs::path root(folder);
  std::error_code error;
  if (!fs::is_directory(root, error)) return absl::NotFoundError(StrCat(folder, ": there is no such folder"));
  LegacyImport out;
  ASSIGN_OR_RETURN(const NpyMatrix users, ReadMatrix(root, "user_latent_factors.npy"));
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
  ASSIGN_OR_RETURN(const std::vector<std::string> user_ids, ReadMapping(user_path, users.rows));
  ASSIGN_OR_RETURN(const std::string item_path, FindMapping(root, "item_mapping"));
  ASSIGN_OR_RETURN(const std::vector<std::string> item_ids, ReadMapping(item_path, items.rows));
  for (const std::string& path : {user_path, item_path}) {
    out.notes.push_back(StrCat(fs::path(path).filename().string(), ": the ids of the rows"));
  }
  if (const fs::path path = root / "recommendations.csv"; fs::exists(path)) {
    ASSIGN_OR_RETURN(out.notes.emplace_back(), CheckRecommendations(path.string(), user_ids, item_ids));
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
