// Random catalogues for the property tests of requests, with everything that a request can ask for. For tests.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/engine/model.h"

namespace kindred::testing {

// Items "i<n>", users "u<n>"; spaces "dot" and "cos" of item matrices, "words" of sparse rows, and the blend "both" of
// dot and cos; categories "kind:<n>" (one each), "tag:<n>" (any number) and "empty"; attributes "price" (some unknown)
// and "fresh" (0, 1 or unknown). Values are small whole numbers and halves, so that equal scores are frequent.
struct Catalogue {
  Catalogue(uint32_t n_items, uint32_t dim, uint32_t seed);

  uint32_t n_items, dim;
  static constexpr uint32_t kUsers = 5, kKinds = 4, kTags = 6, kWords = 9;
  std::map<std::string, std::vector<float>> items, users;  // of "dot" and "cos"
  std::vector<std::vector<uint32_t>> seen, categories;     // of users, of items
  std::vector<std::string> category_names;
  std::map<std::string, std::vector<float>> attributes;
  std::vector<float> prior;
  std::vector<std::map<uint32_t, float>> words;  // of items
  double dot_prior_weight = 0, cos_prior_weight = 0, both_dot_weight = 1, both_cos_weight = 0.5;

  bool HasCategory(uint32_t item, const std::string& name) const;
  std::shared_ptr<const Model> Load() const;
};

}  // namespace kindred::testing
