// Small models for the engine's tests: seeded random factors, written to a real file and loaded from it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/bundle/bundle_writer.h"
#include "core/engine/model.h"

namespace kindred::testing {

struct ModelShape {
  uint32_t n_items = 200;
  uint32_t n_users = 20;  // 0: no users, no seen items
  uint32_t dim = 8;
  SpaceSpec spec;  // dim is set from above
  bool non_negative = false;
  uint32_t seed = 1;
};

// Factors and ids as a trainer hands them over, before anything is derived. Item i is "i<i>", user u "u<u>"; item names
// are "Item <i>"; item i is in categories "c<i%5>" and, when even, "even"; user u has seen the items i with
// i % 7 == u % 7.
std::vector<OwnedTensor> RawTensors(const ModelShape& shape);
Metadata RawMetadata(const ModelShape& shape);

// The path of a sealed bundle of RawTensors, without derived parts, in the test's temporary folder.
std::string WriteModelFile(const ModelShape& shape);
std::shared_ptr<const Model> LoadModel(const ModelShape& shape);

}  // namespace kindred::testing
