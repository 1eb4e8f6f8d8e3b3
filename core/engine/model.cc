#include "core/engine/model.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/checksum.h"
#include "core/base/status_macros.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/category_means.h"
#include "core/engine/derive.h"
#include "core/engine/index_copies.h"
#include "core/topk/quantizer.h"

namespace kindred {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A raw bundle has no digest of its own: one over what its tensors are and hold.
std::string RawDigest(const BundleReader& reader) {
  std::string listing;
  for (const auto& [name, view] : reader.tensors()) {
    const std::string& checksum = reader.checksums().find(name)->second;
    absl::StrAppendFormat(&listing, "%s %s [%s] %s\n", name, DTypeName(view.dtype), absl::StrJoin(view.shape, ","),
                          checksum.substr(checksum.find(':') + 1));
  }
  return absl::StrCat("xxh128:", Xxh128Hex(std::as_bytes(std::span(listing))));
}

float MaxAbs(std::span<const float> values) {
  float max = 0;
  for (float value : values) max = std::max(max, std::abs(value));
  return max;
}

// 1 / root mean square of the rows' norms; 0 when all are zeros. items: [n_items × d].
double InverseRms(std::span<const float> items, uint32_t n_items) {
  double sum = 0;
  for (float x : items) sum += static_cast<double>(x) * x;
  return sum > 0 ? 1 / std::sqrt(sum / n_items) : 0;
}

RowsView Rows(const TensorMap& tensors, std::string_view csr, uint64_t columns) {
  return {TensorOrEmpty<int64_t>(tensors, names::Offsets(csr)), TensorOrEmpty<uint32_t>(tensors, names::Values(csr)),
          TensorOrEmpty<float>(tensors, names::Weights(csr)), columns};
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Model>> Model::Load(const std::string& path, const ModelLoadOptions& options) {
  std::shared_ptr<Model> model(new Model());
  OpenOptions open{options.verify, options.mode, options.go_on};
  const GoOn go_on(options.go_on);
  const auto opened = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(model->reader_, BundleReader::Open(path, open));
  if (options.verify == VerifyLevel::kHeader && !model->info().sealed) {
    open.level = VerifyLevel::kChecksums;
    ASSIGN_OR_RETURN(model->reader_, BundleReader::Open(path, open));
  }
  model->cost_.verify_seconds = SecondsSince(opened);

  const auto verified = std::chrono::steady_clock::now();
  model->tensors_ = model->reader_->tensors();
  ASSIGN_OR_RETURN(model->indices_, CopyIndices(model->info(), model->tensors_, go_on));
  for (const OwnedTensor& tensor : model->indices_) {
    TensorView& view = model->tensors_.find(tensor.name)->second;
    view.bytes = tensor.bytes.span();
  }
  if (!go_on()) return absl::CancelledError(absl::StrFormat("%s: loading it was given up", path));
  ASSIGN_OR_RETURN(model->derived_, DeriveMissing(model->info(), model->tensors_));
  for (const OwnedTensor& tensor : model->derived_) {
    model->tensors_.emplace(tensor.name, tensor.view());
    model->cost_.derived.push_back(tensor.name);
  }
  const BundleInfo& info = model->info();
  model->name_ = info.model.empty() ? options.name : info.model;
  model->version_ = options.version.empty() ? info.version : options.version;
  model->digest_ = info.digest.empty() ? RawDigest(*model->reader_) : info.digest;
  RETURN_IF_ERROR(model->Bind());
  model->cost_.derive_seconds = SecondsSince(verified);
  if (model->poisoned()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: pages of the file went away while it was loaded; get a fresh copy", path));
  }
  return model;
}

absl::Status Model::Bind() {
  items_ = IdTableFrom(tensors_, names::kItemIds);
  users_ = IdTableFrom(tensors_, names::kUserIds);
  categories_ = IdTableFrom(tensors_, names::kCategoryIds);
  tokens_ = IdTableFrom(tensors_, names::kTokenIds);
  actions_ = IdTableFrom(tensors_, names::kActionIds);
  item_names_ = IdTableFrom(tensors_, names::kItemNames);
  seen_ = Rows(tensors_, names::kSeen, n_items());
  recommendations_ = Rows(tensors_, names::kRecommendations, n_items());
  item_categories_ = Rows(tensors_, names::kItemCategories, categories_.size());
  BindTokens();
  new_vocabulary_ = std::make_unique<NewVocabulary>(items_.size(), tokens_.size());
  for (const auto& [name, view] : tensors_) {
    if (!std::string_view(name).starts_with(names::kAttributePrefix)) continue;
    attribute_names_.push_back(name.substr(names::kAttributePrefix.size()));
    attributes_.push_back(view.As<float>());
  }
  category_bitmaps_ = TensorOrEmpty<uint64_t>(tensors_, names::kCategoryBitmaps);
  popularity_ = TensorOrEmpty<float>(tensors_, names::kPopularity);
  popularity_order_ = TensorOrEmpty<uint32_t>(tensors_, names::kPopularityOrder);
  prior_ = TensorOrEmpty<float>(tensors_, names::kItemPrior);
  padded_prior_ = AlignedBuffer<float>(RoundUp(n_items(), kTileItems));
  std::copy(prior_.begin(), prior_.end(), padded_prior_.begin());

  for (const auto& [name, spec] : info().spaces) {
    spaces_.push_back(std::make_unique<Space>());
    spaces_.back()->name = name;
    RETURN_IF_ERROR(BindSpace(spec, spaces_.back().get()));
  }
  for (const auto& space : spaces_) {
    for (const BlendPart& part : space->spec.parts) space->parts.push_back(FindSpace(part.space));
  }
  default_space_ = FindSpace(info().default_space);
  if (default_space_ == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: default space '%s' is not one of the bundle's spaces", info().path, info().default_space));
  }
  return absl::OkStatus();
}

absl::Status Model::BindSpace(const SpaceSpec& spec, Space* space) {
  const auto part = [&](std::string_view p) { return TensorOrEmpty<float>(tensors_, names::Space(space->name, p)); };
  space->spec = spec;
  space->inverse_norms = part(names::kInverseNorms);
  if (IsSparse(spec.fold_in)) {
    SparseSpace& sparse = space->sparse;
    sparse.neighbors = spec.fold_in == FoldIn::kNeighbors;
    sparse.rows = Rows(tensors_, names::Space(space->name, names::kRows), spec.dim);
    sparse.columns = Rows(tensors_, names::Space(space->name, names::kColumns), n_items());
    sparse.norms = space->inverse_norms;
    if (spec.metric == Metric::kCosine) sparse.multipliers = space->inverse_norms;
    if (spec.prior_weight != 0) sparse.prior = padded_prior_.span();
    sparse.n_items = n_items();
    sparse.dim = spec.dim;
    const bool unit = !sparse.neighbors && spec.metric == Metric::kCosine;
    const auto n_sparse = std::count_if(info().spaces.begin(), info().spaces.end(),
                                        [](const auto& entry) { return IsSparse(entry.second.fold_in); });
    space->category_rows = MakeCategoryRows(sparse.rows, spec.dim, item_categories_, categories_.size(), unit,
                                            kMaxCategoryRowNumbers / static_cast<uint64_t>(n_sparse));
    sparse.item_categories = item_categories_;
    sparse.category_rows = space->category_rows.view();
    return absl::OkStatus();
  }
  space->items = part(names::kItems);
  space->users = part(names::kUsers);
  space->average = part(names::kAverage);
  space->trait_items = TensorOrEmpty<uint32_t>(tensors_, names::Space(space->name, names::kTraitItems));

  ScanSpace dot;
  dot.items = space->items;
  dot.codes = TensorOrEmpty<uint8_t>(tensors_, names::Space(space->name, names::kCodes));
  dot.scales = part(names::kScales);
  dot.bounds = part(names::kBounds);
  dot.max_norm = MaxNormFromBounds(dot.bounds);
  dot.n_items = n_items();
  dot.dim = spec.dim;
  ScanSpace cosine = dot;
  cosine.multipliers = space->inverse_norms;
  cosine.scales = part(names::kCosineScales);
  cosine.bounds = part(names::kCosineBounds);
  cosine.max_norm = MaxNormFromBounds(cosine.bounds);
  if (spec.metric == Metric::kDot) space->item_scale = InverseRms(space->items, n_items());
  space->similar = cosine;
  space->recommend = spec.metric == Metric::kCosine ? cosine : dot;
  if (spec.prior_weight != 0) {
    space->recommend.prior = padded_prior_.span();
    space->recommend.prior_max_abs = MaxAbs(prior_);
  }
  return BindFoldIn(space);
}

absl::Status Model::BindFoldIn(Space* space) {
  const auto part = [&](std::string_view p) { return TensorOrEmpty<float>(tensors_, names::Space(space->name, p)); };
  const SpaceSpec& spec = space->spec;
  if (spec.fold_in == FoldIn::kBlend) return absl::OkStatus();
  const TensorView* tokens = FindTensor(tensors_, names::Space(space->name, names::kTokens));
  if (tokens != nullptr) {
    space->has_tokens = true;
    TokenEmbedding& embedding = space->embedding;
    embedding.dim = static_cast<uint32_t>(tokens->shape[1]);
    embedding.tokens = tokens->As<float>();
    embedding.categories = part(names::kCategoryVectors);
    embedding.actions = part(names::kActionVectors);
    embedding.item_tokens = item_tokens_;
    embedding.item_categories = item_categories_;
    if (spec.fold_in != FoldIn::kTraits) return absl::OkStatus();
    absl::StatusOr<TraitProjection> traits =
        TraitProjection::Create(part(names::kBasis), spec.dim, embedding.dim, part(names::kAverageProfile));
    if (!traits.ok()) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: space '%s': %s", info().path, space->name, traits.status().message()));
    }
    space->traits = std::make_unique<const TraitProjection>(*std::move(traits));
    return absl::OkStatus();
  }
  const auto sources = part(names::kSources);
  const auto gram = TensorOrEmpty<double>(tensors_, names::Space(space->name, names::kGram));
  const auto folded = sources.empty() ? space->items : sources;
  ASSIGN_OR_RETURN(FoldInSolver solver, FoldInSolver::Create(spec, folded, gram));
  space->fold_in = std::make_unique<const FoldInSolver>(std::move(solver));
  // Whatever was observed says something: the offsets of the items.
  if (spec.fold_in != FoldIn::kObserved) {
    space->category_means =
        CategoryMeans(folded, spec.dim, item_categories_, categories_.size(), spec.metric == Metric::kCosine);
  }
  return absl::OkStatus();
}

// The tokens of each item, for events that do not say their action.
void Model::BindTokens() {
  if (tokens_.empty() || actions_.empty()) return;
  std::vector<uint32_t> item_of(tokens_.size());
  item_token_offsets_.assign(size_t{n_items()} + 1, 0);
  for (uint32_t token = 0; token < tokens_.size(); ++token) {
    item_of[token] = SplitToken(tokens_.Id(token), actions_, items_).item;
    if (item_of[token] != TokenWeight::kNone) ++item_token_offsets_[size_t{item_of[token]} + 1];
  }
  for (size_t i = 1; i < item_token_offsets_.size(); ++i) item_token_offsets_[i] += item_token_offsets_[i - 1];
  item_token_values_.resize(item_token_offsets_.back());
  std::vector<int64_t> next(item_token_offsets_.begin(), item_token_offsets_.end() - 1);
  for (uint32_t token = 0; token < tokens_.size(); ++token) {
    if (item_of[token] != TokenWeight::kNone) item_token_values_[next[item_of[token]]++] = token;
  }
  item_tokens_.offsets = item_token_offsets_;
  item_tokens_.values = item_token_values_;
}

std::optional<std::span<const float>> Model::FindAttribute(std::string_view name) const {
  const auto found = std::lower_bound(attribute_names_.begin(), attribute_names_.end(), name);
  if (found == attribute_names_.end() || *found != name) return std::nullopt;
  return attributes_[found - attribute_names_.begin()];
}

std::string_view Model::ItemName(uint32_t item) const {
  return item_names_.empty() ? items_.Id(item) : item_names_.Id(item);
}

std::span<const uint32_t> Model::ItemCategories(uint32_t item) const { return item_categories_.Row(item); }

std::span<const uint32_t> Model::Seen(uint32_t user) const { return seen_.Row(user); }

const Space* Model::FindSpace(std::string_view name) const {
  if (name.empty()) return default_space_;
  for (const auto& space : spaces_) {
    if (space->name == name) return space.get();
  }
  return nullptr;
}

}  // namespace kindred
