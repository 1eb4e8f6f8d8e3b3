// The half of model.h that looks after the file of a generation that serves.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/pace.h"
#include "core/base/status_macros.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/model.h"

namespace kindred {
namespace {

// <name> and <part> of "space.<name>.<part>"; both empty for a tensor of no space.
std::pair<std::string_view, std::string_view> SplitSpaceTensor(const BundleInfo& info, std::string_view tensor) {
  if (!tensor.starts_with(names::kSpacePrefix)) return {};
  const std::string_view rest = tensor.substr(names::kSpacePrefix.size());
  const size_t dot = rest.find('.');
  if (dot == rest.npos || !info.spaces.contains(rest.substr(0, dot))) return {};
  return {rest.substr(0, dot), rest.substr(dot + 1)};
}

// Whether requests that name no space need this one.
bool IsOfDefault(const BundleInfo& info, std::string_view space) {
  if (space == info.default_space) return true;
  const auto found = info.spaces.find(info.default_space);
  return found != info.spaces.end() && std::any_of(found->second.parts.begin(), found->second.parts.end(),
                                                   [space](const BlendPart& part) { return part.space == space; });
}

// Whether any request may read any page of the tensor. Of users, whose tables may be most of a bundle, what is read is
// that user's alone, and a space that the default one does not need by requests that name it.
bool IsReadAtRandom(const BundleInfo& info, std::string_view tensor) {
  for (const std::string_view table : {names::kUserIds, names::kSeen, names::kRecommendations}) {
    if (tensor.starts_with(absl::StrFormat("%s.", table))) return false;
  }
  if (tensor == names::kGoldenQueries) return false;
  const auto [space, part] = SplitSpaceTensor(info, tensor);
  return space.empty() || (part != names::kUsers && IsOfDefault(info, space));
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
