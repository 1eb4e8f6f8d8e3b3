#include "core/engine/index_copies.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/bundle/schema.h"
#include "core/bundle/tensor_names.h"

namespace kindred {

bool IsCopiedIndex(std::string_view tensor) {
  static const std::string offsets = names::Offsets(names::kItemCategories);
  static const std::string values = names::Values(names::kItemCategories);
  static const std::string trait_items = absl::StrFormat(".%s", names::kTraitItems);
  return tensor == offsets || tensor == values || tensor == names::kPopularityOrder ||
         (tensor.starts_with(names::kSpacePrefix) && tensor.ends_with(trait_items));
}

absl::StatusOr<std::vector<OwnedTensor>> CopyIndices(const BundleInfo& info, const TensorMap& tensors,
                                                     const GoOn& go_on) {
  std::vector<OwnedTensor> copies;
  TensorMap views;
  for (const auto& [name, tensor] : tensors) {
    if (!IsCopiedIndex(name)) continue;
    OwnedTensor copy{name, tensor.dtype, tensor.shape, AlignedBuffer<std::byte>(tensor.bytes.size())};
    std::copy(tensor.bytes.begin(), tensor.bytes.end(), copy.bytes.begin());
    copies.push_back(std::move(copy));
    TensorView view = copies.back().view();
    view.file_offset = tensor.file_offset;
    views.emplace(name, std::move(view));
  }
  if (const absl::Status checked = CheckContents(info, views, go_on); !checked.ok()) {
    return absl::Status(checked.code(), absl::StrFormat("%s: %s", info.path, checked.message()));
  }
  return copies;
}

}  // namespace kindred
