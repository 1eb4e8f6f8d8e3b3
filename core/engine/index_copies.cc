#include "core/engine/index_copies.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/bundle/schema.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

bool IsCopied(std::string_view name) {
  static const std::string offsets = names::Offsets(names::kItemCategories);
  static const std::string values = names::Values(names::kItemCategories);
  static const std::string trait_items = absl::StrFormat(".%s", names::kTraitItems);
  return name == offsets || name == values || name == names::kPopularityOrder ||
         (name.starts_with(names::kSpacePrefix) && name.ends_with(trait_items));
}

}  // namespace

absl::StatusOr<std::vector<OwnedTensor>> CopyIndices(const BundleInfo& info, const TensorMap& tensors) {
  std::vector<OwnedTensor> copies;
  TensorMap views;
  for (const auto& [name, tensor] : tensors) {
    if (!IsCopied(name)) continue;
    OwnedTensor copy{name, tensor.dtype, tensor.shape, AlignedBuffer<std::byte>(tensor.bytes.size())};
    std::copy(tensor.bytes.begin(), tensor.bytes.end(), copy.bytes.begin());
    copies.push_back(std::move(copy));
    TensorView view = copies.back().view();
    view.file_offset = tensor.file_offset;
    views.emplace(name, std::move(view));
  }
  if (const absl::Status checked = CheckContents(info, views); !checked.ok()) {
    return absl::Status(checked.code(), absl::StrFormat("%s: %s", info.path, checked.message()));
  }
  return copies;
}

}  // namespace kindred
