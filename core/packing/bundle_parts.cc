#include "core/packing/bundle_parts.h"

#include <cstdlib>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

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

void AppendTensors(std::vector<OwnedTensor> tensors, BundleParts* parts) {
  for (OwnedTensor& tensor : tensors) parts->tensors.push_back(std::move(tensor));
}

void AddIds(const std::vector<std::string>& user_ids, const std::vector<std::string>& item_ids, BundleParts* parts) {
  AppendTensors(MakeIdTensors(names::kItemIds, item_ids), parts);
  if (!user_ids.empty()) AppendTensors(MakeIdTensors(names::kUserIds, user_ids), parts);
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
