// The parts of a bundle that a trainer or importer brings; everything else is derived from them when packing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/space_spec.h"
#include "core/bundle/tensor.h"

namespace kindred {

struct BundleParts {
  std::vector<OwnedTensor> tensors;
  Metadata metadata;

  // Views of `tensors`, valid while they are not changed.
  TensorMap Map() const;
};

// Appends `tensors` as they are.
void AppendTensors(std::vector<OwnedTensor> tensors, BundleParts* parts);

// Appends the id tables of users and items.
void AddIds(const std::vector<std::string>& user_ids, const std::vector<std::string>& item_ids, BundleParts* parts);

// Appends the matrices of a space. items: [n_items × d], users: [n_users × d] or empty.
void AddSpace(std::string_view space, uint32_t dim, std::span<const float> items, std::span<const float> users,
              BundleParts* parts);

// The metadata that every bundle has. `version` and `model` are 1 to 256 bytes; `training_json` may be empty.
void AddMetadata(std::string_view model, std::string_view version, std::string_view source, const SpaceSpecs& spaces,
                 std::string_view default_space, std::string_view training_json, BundleParts* parts);

// Now in UTC as RFC 3339 ("2026-01-31T12:00:00Z"), or the time in SOURCE_DATE_EPOCH when that is set
// (https://reproducible-builds.org/specs/source-date-epoch/).
std::string CreationTime();
// Whether SOURCE_DATE_EPOCH asks for bytes that do not depend on when and how fast they were made.
bool WantsReproducibleBytes();

}  // namespace kindred
