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
#include "core/engine/derive.h"
#include "core/topk/quantizer.h"

namespace kindred {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A raw bundle has no digest of its own: one over what its tensors are and hold.
std::string RawDigest(const TensorMap& tensors) {
  std::string listing;
  for (const auto& [name, view] : tensors) {
    absl::StrAppendFormat(&listing, "%s %s [%s] %s\n", name, DTypeName(view.dtype), absl::StrJoin(view.shape, ","),
                          Xxh3Hex(view.bytes));
  }
  return absl::StrCat("xxh128:", Xxh128Hex(std::as_bytes(std::span(listing))));
}

float MaxAbs(std::span<const float> values) {
  float max = 0;
  for (float value : values) max = std::max(max, std::abs(value));
  return max;
}

template <typename T>
std::span<const T> Row(std::span<const int64_t> offsets, std::span<const T> values, uint32_t row) {
  if (offsets.size() <= size_t{row} + 1) return {};
  return values.subspan(offsets[row], offsets[row + 1] - offsets[row]);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Model>> Model::Load(const std::string& path, std::string_view name,
                                                         std::string_view version) {
  std::shared_ptr<Model> model(new Model());
  const auto opened = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(model->reader_, BundleReader::Open(path, VerifyLevel::kChecksums));
  model->cost_.verify_seconds = SecondsSince(opened);

  const auto verified = std::chrono::steady_clock::now();
  model->tensors_ = model->reader_->tensors();
  ASSIGN_OR_RETURN(model->derived_, DeriveMissing(model->info(), model->tensors_));
  for (const OwnedTensor& tensor : model->derived_) {
    model->tensors_.emplace(tensor.name, tensor.view());
    model->cost_.derived.push_back(tensor.name);
  }
  const BundleInfo& info = model->info();
  model->name_ = info.model.empty() ? std::string(name) : info.model;
  model->version_ = version.empty() ? info.version : std::string(version);
  model->digest_ = info.digest.empty() ? RawDigest(model->reader_->tensors()) : info.digest;
  RETURN_IF_ERROR(model->Bind());
  model->cost_.derive_seconds = SecondsSince(verified);
  return model;
}

absl::Status Model::Bind() {
  items_ = IdTableFrom(tensors_, names::kItemIds);
  users_ = IdTableFrom(tensors_, names::kUserIds);
  categories_ = IdTableFrom(tensors_, names::kCategoryIds);
  item_names_ = IdTableFrom(tensors_, names::kItemNames);
  seen_offsets_ = TensorOrEmpty<int64_t>(tensors_, names::Offsets(names::kSeen));
  seen_ = TensorOrEmpty<uint32_t>(tensors_, names::Values(names::kSeen));
  item_category_offsets_ = TensorOrEmpty<int64_t>(tensors_, names::Offsets(names::kItemCategories));
  item_categories_ = TensorOrEmpty<uint32_t>(tensors_, names::Values(names::kItemCategories));
  popularity_ = TensorOrEmpty<float>(tensors_, names::kPopularity);
  popularity_order_ = TensorOrEmpty<uint32_t>(tensors_, names::kPopularityOrder);
  prior_ = TensorOrEmpty<float>(tensors_, names::kItemPrior);
  padded_prior_ = AlignedBuffer<float>(RoundUp(n_items(), kTileItems));
  std::copy(prior_.begin(), prior_.end(), padded_prior_.begin());

  for (const auto& [name, spec] : info().spaces) {
    const auto part = [&, &name = name](std::string_view p) {
      return TensorOrEmpty<float>(tensors_, names::Space(name, p));
    };
    auto space = std::make_unique<Space>();
    space->name = name;
    space->spec = spec;
    space->items = part(names::kItems);
    space->users = part(names::kUsers);
    space->average = part(names::kAverage);
    space->inverse_norms = part(names::kInverseNorms);
    space->trait_items = TensorOrEmpty<uint32_t>(tensors_, names::Space(name, names::kTraitItems));

    ScanSpace dot;
    dot.items = space->items;
    dot.codes = TensorOrEmpty<uint8_t>(tensors_, names::Space(name, names::kCodes));
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
    space->similar = cosine;
    space->recommend = spec.metric == Metric::kCosine ? cosine : dot;
    if (spec.prior_weight != 0) {
      space->recommend.prior = padded_prior_.span();
      space->recommend.prior_max_abs = MaxAbs(prior_);
    }
    const auto gram = TensorOrEmpty<double>(tensors_, names::Space(name, names::kGram));
    ASSIGN_OR_RETURN(FoldInSolver solver, FoldInSolver::Create(spec, space->items, gram));
    space->fold_in = std::make_unique<const FoldInSolver>(std::move(solver));
    spaces_.push_back(std::move(space));
  }
  default_space_ = FindSpace(info().default_space);
  if (default_space_ == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: default space '%s' is not one of the bundle's spaces", info().path, info().default_space));
  }
  return absl::OkStatus();
}

std::string_view Model::ItemName(uint32_t item) const {
  return item_names_.empty() ? items_.Id(item) : item_names_.Id(item);
}

std::span<const uint32_t> Model::ItemCategories(uint32_t item) const {
  return Row(item_category_offsets_, item_categories_, item);
}

std::span<const uint32_t> Model::Seen(uint32_t user) const { return Row(seen_offsets_, seen_, user); }

const Space* Model::FindSpace(std::string_view name) const {
  if (name.empty()) return default_space_;
  for (const auto& space : spaces_) {
    if (space->name == name) return space.get();
  }
  return nullptr;
}

}  // namespace kindred
