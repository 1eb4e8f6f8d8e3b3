// Small bundles for tests: seeded random factors and everything that a trainer hands over, changed at will, written
// sealed or raw. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/space_spec.h"
#include "core/bundle/tensor.h"

namespace kindred::testing {

struct BundleShape {
  uint32_t n_items = 70;  // more than one tile, not a whole number of them
  uint32_t n_users = 9;   // 0: no users at all
  uint32_t n_categories = 4;
  uint32_t dim = 6;
  uint32_t seed = 1;
  std::string space = "default";
};

class BundleBuilder {
 public:
  // Items "item-<i>" with names "Item <i>", users "user-<u>", categories "cat-<c>"; one space of normal factors (ridge,
  // identity, dot); seen items, item categories, attribute "price" (some NaN), popularity.
  explicit BundleBuilder(const BundleShape& shape = {});

  const BundleShape& shape() const { return shape_; }
  Metadata& metadata() { return metadata_; }
  TensorMap tensors() const;  // views that live until the next change

  // REQUIRES for Get: there is such a tensor of that type.
  template <typename T>
  std::span<T> Get(const std::string& name) {
    return owned_.at(name).Data<T>();
  }
  void Set(OwnedTensor tensor);
  template <typename T>
  void Set(const std::string& name, std::vector<uint64_t> shape, const std::vector<T>& values) {
    Set(OwnedTensor::Copy<T>(name, std::move(shape), std::span<const T>(values)));
  }
  void SetIds(std::string_view table, const std::vector<std::string>& ids);
  void Remove(const std::string& name);
  // Only factors and item and user ids, and no metadata: the least that a Python trainer writes.
  void KeepFactorsAndIds();
  // The hash indexes of all id tables.
  void AddIndexes();
  // One of every tensor that a bundle may have. Those of the quantizer have the right shapes, not its values. What the
  // builder's own space cannot have is in spaces "traits", "vectors" and "words"; "blend" is made of the first two.
  void AddEveryTensor();

  // As `kindred` writes it; as the Python package writes it.
  absl::Status WriteSealed(const std::string& path) const;
  void WriteRaw(const std::string& path) const;

 private:
  void AddSpaces();

  BundleShape shape_;
  Metadata metadata_;
  std::map<std::string, OwnedTensor> owned_;
};

}  // namespace kindred::testing
