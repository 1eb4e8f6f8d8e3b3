#include "core/packing/legacy.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <set>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/tensor_names.h"
#include "core/packing/legacy_articles.h"
#include "core/packing/legacy_lists.h"
#include "core/packing/mapping.h"
#include "core/packing/npy.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSpaceName = "collaborative";
constexpr std::string_view kContentSpace = "content";
constexpr uint64_t kNewUsersAlways = 1'000'000;  // without factors
constexpr std::string_view kArticleMapping = "article_id_to_idx";

std::string Conversion(const std::string& joblib) {
  const std::string json = fs::path(joblib).replace_extension(".json").string();
  return absl::StrFormat(
      "%s is a joblib file, which is not read. The converter of clients/python reads it as data and runs nothing of "
      "it:\n"
      "  pip install ./clients/python\n"
      "  python3 -m kindred.legacy mapping '%s' --out '%s'\n"
      "or makes a bundle of the whole folder: python3 -m kindred.legacy convert '%s' --out bundle.safetensors",
      joblib, joblib, json, fs::path(joblib).parent_path().string());
}

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// The mapping of `stem` in any form; empty when there is none. A pickle beside another form is what that was made of.
absl::StatusOr<std::string> FindMapping(const fs::path& folder, const std::string& stem) {
  const auto present = [&](std::initializer_list<const char*> extensions) {
    std::vector<std::string> found;
    for (const char* extension : extensions) {
      const fs::path path = folder / (stem + extension);
      if (Exists(path)) found.push_back(path.string());
    }
    return found;
  };
  std::vector<std::string> found = present({".csv", ".csv.gz", ".json"});
  if (found.empty()) found = present({".pkl", ".pickle"});
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    return absl::InvalidArgumentError(StrCat(StrJoin(found, " and "), " both exist; keep the one that counts"));
  }
  found = present({".joblib"});
  if (!found.empty()) return absl::InvalidArgumentError(Conversion(found.front()));
  return "";
}

absl::StatusOr<std::string> NeedMapping(const fs::path& folder, const std::string& stem) {
  ASSIGN_OR_RETURN(std::string path, FindMapping(folder, stem));
  if (!path.empty()) return path;
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s: has no %s.pkl, %s.csv or %s.json, which say the id of each matrix row", folder.string(), stem, stem, stem));
}

absl::StatusOr<NpyMatrix> ReadMatrix(const fs::path& folder, std::string_view name, const GoOn& go_on) {
  const fs::path path = folder / name;
  if (!Exists(path)) return absl::InvalidArgumentError(absl::StrFormat("%s: has no %s", folder.string(), name));
  return ReadNpyMatrix(path.string(), go_on);
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

// article_text_embeddings.npy becomes a space beside the factors.
absl::Status AddArticles(const fs::path& folder, const std::vector<std::string>& item_ids, const GoOn& go_on,
                         SpaceSpecs* specs, LegacyImport* out) {
  const fs::path embeddings = folder / "article_text_embeddings.npy";
  if (!Exists(embeddings)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string mapping, FindMapping(folder, std::string(kArticleMapping)));
  if (mapping.empty()) {
    out->notes.push_back(
        "article_text_embeddings.npy: left out, there is no article_id_to_idx.pkl, .csv or .json that says the ids");
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const LegacyArticles articles, ReadLegacyArticles(embeddings.string(), mapping, item_ids, go_on));
  AddSpace(kContentSpace, articles.dim, articles.items, {}, &out->parts);
  SpaceSpec spec;
  spec.family = "external";
  spec.dim = articles.dim;
  spec.fold_in = FoldIn::kMean;
  spec.metric = Metric::kCosine;
  specs->emplace(kContentSpace, spec);
  out->notes.push_back(
      absl::StrFormat("article_text_embeddings.npy: the space %s, ids by %s (%s articles are no items)", kContentSpace,
                      fs::path(mapping).filename().string(), WithThousands(articles.left_out)));
  return absl::OkStatus();
}

// What is said of files that a bundle has no need of.
std::string NoteOf(const fs::path& path) {
  const std::string name = path.filename().string(), extension = path.extension().string();
  if (name == "article_similarity_matrix.npy") {
    return StrCat(name, ": recognised and left out, Kindred computes cosines from the articles' vectors");
  }
  if (extension != ".pkl" && extension != ".pickle" && extension != ".joblib") return "";
  if (name == "tfidf_vectorizer.pkl" || name == "price_scaler.pkl") {
    return StrCat(name,
                  ": recognised, not read and not needed: it makes vectors of texts and prices, and a bundle holds "
                  "the vectors; kindred train content makes new ones");
  }
  return StrCat(name, ": a Python pickle, not read and not needed");
}

// Adds a note for each file that is there and not of `read`, the names of files.
void NoteOthers(const fs::path& folder, const std::set<std::string>& read, std::vector<std::string>* notes) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (read.contains(entry->path().filename().string())) continue;
    if (std::string note = NoteOf(entry->path()); !note.empty()) notes->push_back(std::move(note));
  }
}

}  // namespace

absl::StatusOr<LegacyImport> ReadLegacyFolder(const std::string& folder, const LegacyOptions& options) {
  const fs::path root(folder);
  std::error_code error;
  if (!fs::is_directory(root, error)) return absl::NotFoundError(StrCat(folder, ": there is no such folder"));
  const GoOn go_on(options.go_on);
  LegacyImport out;
  ASSIGN_OR_RETURN(NpyMatrix users, ReadMatrix(root, kUserFactorsFile, go_on));
  ASSIGN_OR_RETURN(const NpyMatrix items, ReadMatrix(root, kItemFactorsFile, go_on));
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

  ASSIGN_OR_RETURN(const std::string user_path, NeedMapping(root, "customer_mapping"));
  ASSIGN_OR_RETURN(std::vector<std::string> user_ids, ReadMapping(user_path, users.rows, go_on));
  ASSIGN_OR_RETURN(const std::string item_path, NeedMapping(root, "item_mapping"));
  ASSIGN_OR_RETURN(const std::vector<std::string> item_ids, ReadMapping(item_path, items.rows, go_on));
  for (const std::string& path : {user_path, item_path}) {
    out.notes.push_back(StrCat(fs::path(path).filename().string(), ": the ids of the rows"));
  }
  if (const fs::path path = root / "recommendations.csv"; Exists(path)) {
    // Each of them gets a row of zeros.
    const uint64_t max_new_users =
        std::min(MostNumbers(users.values.size()) / users.cols, std::max(kNewUsersAlways, 10 * users.rows));
    ASSIGN_OR_RETURN(const LegacyLists lists, ReadLegacyLists(path.string(), user_ids, item_ids, max_new_users, go_on));
    out.notes.push_back(lists.note);
    AddListedUsers(lists.new_users, out.dim, &user_ids, &users.values, &out.parts);
    AddLists(lists, &out.parts);
  }
  if (const fs::path path = root / "item_similarity.npy"; Exists(path)) {
    RETURN_IF_ERROR(ReadNpyHeader(path.string()).status());
    out.notes.push_back("item_similarity.npy: recognised and left out, Kindred computes cosines from the item factors");
  }
  SpaceSpec spec;
  spec.family = "external";
  spec.dim = out.dim;
  SpaceSpecs specs{{std::string(kSpaceName), spec}};
  RETURN_IF_ERROR(AddArticles(root, item_ids, go_on, &specs, &out));
  ASSIGN_OR_RETURN(const std::string article_path, FindMapping(root, std::string(kArticleMapping)));
  std::set<std::string> read;
  for (const std::string& path : {user_path, item_path, article_path}) read.insert(fs::path(path).filename().string());
  NoteOthers(root, read, &out.notes);
  std::sort(out.notes.begin() + 2, out.notes.end());

  AddIds(user_ids, item_ids, &out.parts);
  AddSpace(kSpaceName, out.dim, items.values, users.values, &out.parts);
  const fs::path named = fs::weakly_canonical(root, error);
  AddMetadata(options.model, options.version, options.source.empty() ? named.filename().string() : options.source,
              specs, kSpaceName, "", &out.parts);
  return out;
}

}  // namespace kindred
