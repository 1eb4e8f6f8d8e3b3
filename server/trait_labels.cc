#include "server/trait_labels.h"

#include <algorithm>
#include <array>

#include "core/bundle/tensor_names.h"
#include "server/excerpt.h"

namespace kindred {
namespace {

constexpr size_t kNames = 3;
constexpr size_t kMaxLabelNameBytes = 60;

}  // namespace

std::string TraitLabel(const Model& model, const Space& space, uint32_t trait) {
  std::string label;
  if (space.trait_items.empty()) return label;
  std::array<std::string_view, kNames> names;
  size_t count = 0;
  for (uint32_t item : space.trait_items.subspan(trait * names::kTraitItemCount, names::kTraitItemCount)) {
    if (item >= model.n_items()) continue;
    const std::string_view name = CutUtf8(model.ItemName(item), kMaxLabelNameBytes);
    if (std::find(names.begin(), names.begin() + count, name) != names.begin() + count) continue;
    if (count > 0) label += " · ";
    label += name;
    names[count++] = name;
    if (count == kNames) break;
  }
  return label;
}

void TraitLabels::Reset(const Model& model, std::span<const Space* const> parts) {
  model_ = &model;
  parts_ = parts;
  begin_.clear();
  size_t count = 0;
  for (const Space* part : parts) {
    begin_.push_back(count);
    // Dimensions of sparse rows, which may be very many, are not named.
    if (!IsSparse(part->spec.fold_in)) count += part->spec.dim;
  }
  labels_.assign(count, std::string());
}

const std::string& TraitLabels::Label(size_t part, uint32_t trait) {
  std::string& label = labels_[begin_[part] + trait];
  if (label.empty()) label = TraitLabel(*model_, *parts_[part], trait);
  return label;
}

}  // namespace kindred
