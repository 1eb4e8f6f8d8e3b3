#include "trainer/families/training_parts.h"

#include <cmath>

#include "core/base/str_cat.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

void AppendCsr(std::string_view name, std::span<const int64_t> offsets, std::span<const uint32_t> values,
               BundleParts* parts) {
  parts->tensors.push_back(OwnedTensor::Copy<int64_t>(names::Offsets(name), {offsets.size()}, offsets));
  parts->tensors.push_back(OwnedTensor::Copy<uint32_t>(names::Values(name), {values.size()}, values));
}

}  // namespace

void AddSeen(const SparseMatrix& interactions, BundleParts* parts) {
  AppendCsr(names::kSeen, interactions.offsets, interactions.indices, parts);
}

absl::Status AddSeenWeights(const SparseMatrix& seen, const SparseMatrix& values, BundleParts* parts) {
  std::vector<float> weights(seen.indices.size(), 0.0f);
  for (uint32_t user = 0; user < seen.rows; ++user) {
    const auto items = values.RowIndices(user);
    size_t at = 0;
    for (int64_t p = seen.offsets[user]; p < seen.offsets[user + 1]; ++p) {
      while (at < items.size() && items[at] < seen.indices[p]) ++at;
      if (at == items.size() || items[at] != seen.indices[p]) continue;
      weights[p] = static_cast<float>(values.RowValues(user)[at]);
      if (!std::isfinite(weights[p])) {
        return absl::InvalidArgumentError(
            "the values of a user and an item come to more than a 32-bit float holds; clip or scale them");
      }
    }
  }
  parts->tensors.push_back(
      OwnedTensor::Copy<float>(names::Weights(names::kSeen), {weights.size()}, std::span<const float>(weights)));
  return absl::OkStatus();
}

void AddItemTable(const ItemTable& table, BundleParts* parts) {
  if (!table.names.empty()) AppendTensors(MakeIdTensors(names::kItemNames, table.names), parts);
  if (!table.category_ids.empty()) {
    AppendTensors(MakeIdTensors(names::kCategoryIds, table.category_ids), parts);
    std::vector<int64_t> offsets{0};
    std::vector<uint32_t> values;
    for (const std::vector<uint32_t>& row : table.categories) {
      values.insert(values.end(), row.begin(), row.end());
      offsets.push_back(static_cast<int64_t>(values.size()));
    }
    AppendCsr(names::kItemCategories, offsets, values, parts);
  }
  for (const auto& [name, values] : table.attributes) {
    parts->tensors.push_back(
        OwnedTensor::Copy<float>(StrCat(names::kAttributePrefix, name), {values.size()}, std::span(values)));
  }
}

}  // namespace kindred
