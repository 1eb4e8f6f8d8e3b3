// Models with a taste: users have touched the items that they like, and two of different seeds like alike, as two
// trainings of one data set do: other vectors, in another basis, that say nearly the same.
#pragma once

#include <cstdint>
#include <string>

#include "core/lifecycle/model_registry.h"

namespace kindred::testing {

struct GateModel {
  uint32_t seed = 1;          // of the basis and the noise; what users like does not depend on it
  uint32_t n_items = 300;     // "i0", "i1", …
  uint32_t first_item = 0;    // the number in the first id
  uint32_t n_users = 60;      // "u0", "u1", …; 0: none
  uint32_t first_user = 0;    // the number in the first id
  double noise = 0.15;        // of vectors of norm about 1
  bool rotate_items = false;  // item vectors alone, by a random orthogonal matrix
  bool swap_golden = false;   // ranks 3 and 4 of golden query 2 change places
  bool sealed = true;
  std::string model = "demo";
};

// Writes a bundle with golden queries, and seals it. Returns `path`.
std::string WriteGateModel(const GateModel& shape, const std::string& path);
// Loaded, as version `seed`.
ModelHandle LoadGateModel(const GateModel& shape);

}  // namespace kindred::testing
