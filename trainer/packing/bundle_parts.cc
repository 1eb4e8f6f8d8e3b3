#include "trainer/packing/bundle_parts.h"

#include <cmath>
#include <cstdlib>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/str_cat.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"
#include "trainer/base/text.h"

namespace kindred {
namespace {

void Append(std::vector<OwnedTensor> tensors, BundleParts* parts) {
  for (OwnedTensor& tensor : tensors) parts->tensors.push_back(std::move(tensor));
}

void AppendCsr(std::string_view name, std::span<const int64_t> offsets, std::span<const uint32_t> values,
               BundleParts* parts) {
  parts->tensors.push_back(OwnedTensor::Copy<int64_t>(names::Offsets(name), {offsets.size()}, offsets));
  parts->tensors.push_back(OwnedTensor::Copy<uint32_t>(names::Values(name), {values.size()}, values));
}

std::optional<uint64_t> SourceDateEpoch() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr) return std::nullopt;
  return ParseIndex(text);
}

}  // namespace

TensorMap BundleParts::Map() const {
  TensorMap map;
  for (const OwnedTensor& tensor : tensors) map.emplace(tensor.name, tensor.view());
  return map;
}

void AddIds(const std::vector<std::string>& user_ids, const std::vector<std::string>& item_ids, BundleParts* parts) {
  Append(MakeIdTensors(names::kItemIds, item_ids), parts);
  if (!user_ids.empty()) Append(MakeIdTensors(names::kUserIds, user_ids), parts);
}

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
  if (!table.names.empty()) Append(MakeIdTensors(names::kItemNames, table.names), parts);
  if (!table.category_ids.empty()) {
    Append(MakeIdTensors(names::kCategoryIds, table.category_ids), parts);
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

void AddSpace(std::string_view space, uint32_t dim, std::span<const float> items, std::span<const float> users,
              BundleParts* parts) {
  parts->tensors.push_back(
      OwnedTensor::Copy<float>(names::Space(space, names::kItems), {items.size() / dim, dim}, items));
  if (users.empty()) return;
  parts->tensors.push_back(
      OwnedTensor::Copy<float>(names::Space(space, names::kUsers), {users.size() / dim, dim}, users));
}

void AddMetadata(std::string_view model, std::string_view version, std::string_view source, const SpaceSpecs& spaces,
                 std::string_view default_space, std::string_view training_json, BundleParts* parts) {
  const auto set = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) parts->metadata.insert_or_assign(std::string(key), std::string(value));
  };
  set(names::kModel, model);
  set(names::kVersion, version);
  set(names::kSource, source);
  set(names::kSpaces, SpaceSpecsToJson(spaces));
  set(names::kDefaultSpace, default_space);
  set(names::kTraining, training_json);
  set(names::kCreatedAt, CreationTime());
}

std::string CreationTime() {
  const std::optional<uint64_t> epoch = SourceDateEpoch();
  const absl::Time time = epoch ? absl::FromUnixSeconds(*epoch) : absl::Now();
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

bool WantsReproducibleBytes() { return SourceDateEpoch().has_value(); }

}  // namespace kindred
