// The half of model.h that looks after the file of a generation that serves.
#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "core/base/pace.h"
#include "core/base/status_macros.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/model.h"

namespace kindred {
namespace {

// The part of "space.<name>.<part>"; *spec is the space's, nullptr for a tensor of none.
std::string_view PartOf(const BundleInfo& info, std::string_view tensor, const SpaceSpec** spec) {
  *spec = nullptr;
  if (!tensor.starts_with(names::kSpacePrefix)) return {};
  const std::string_view rest = tensor.substr(names::kSpacePrefix.size());
  const size_t dot = rest.find('.');
  if (dot == rest.npos) return {};
  const auto space = info.spaces.find(rest.substr(0, dot));
  if (space != info.spaces.end()) *spec = &space->second;
  return rest.substr(dot + 1);
}

// Whether any request may read any page of the tensor. A user's rows are read for that user alone, and sparse rows by
// requests for their space.
bool IsReadAtRandom(const BundleInfo& info, std::string_view tensor) {
  if (tensor.starts_with(absl::StrFormat("%s.", names::kSeen))) return false;
  if (tensor.starts_with(absl::StrFormat("%s.", names::kRecommendations))) return false;
  if (tensor == names::kGoldenQueries) return false;
  const SpaceSpec* spec = nullptr;
  const std::string_view part = PartOf(info, tensor, &spec);
  return spec == nullptr || (part != names::kUsers && !IsSparse(spec->fold_in));
}

}  // namespace

absl::Status Model::VerifyAgain(double max_bytes_per_second, const std::function<bool()>& go_on) const {
  RETURN_IF_ERROR(reader_->VerifyAgain(max_bytes_per_second, go_on));
  if (!reader_->faulted()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat(
      "%s: pages of the mapped file went away; it reads as zeros until it is loaded again", info().path));
}

void Model::Prefault(double max_bytes_per_second, const std::function<bool()>& go_on) const {
  constexpr uint64_t kChunk = uint64_t{2} << 20;
  if (load_mode() != LoadMode::kMap) return;
  Pace pace(max_bytes_per_second, go_on);
  for (const TensorEntry& tensor : info().header.tensors) {
    if (!IsReadAtRandom(info(), tensor.name)) continue;
    for (uint64_t at = tensor.begin; at < tensor.end; at += kChunk) {
      const uint64_t size = std::min(kChunk, tensor.end - at);
      reader_->file().Populate(at, size);
      if (!pace.Spend(size)) return;
    }
  }
}

}  // namespace kindred
