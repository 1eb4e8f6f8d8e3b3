// The content half of a legacy folder (requirement C6): vectors of the articles' texts → a dense space.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"

namespace kindred {

struct LegacyArticles {
  uint32_t dim = 0;
  std::vector<float> items;  // [item_ids × dim], zeros for an item that is no article
  uint64_t left_out = 0;     // articles that are no items
};

// Numbers that a matrix of the same width as one with `held` numbers may have: small files must not ask for much
// memory.
uint64_t MostNumbers(uint64_t held);

// Reads `embeddings`, a matrix with a row an article, and `mapping`, which says their ids, for the items of `item_ids`.
// INVALID_ARGUMENT naming the file; also where the items' matrix would have more than MostNumbers of the articles'.
// `go_on` is asked now and then: CANCELLED when it says no.
absl::StatusOr<LegacyArticles> ReadLegacyArticles(const std::string& embeddings, const std::string& mapping,
                                                  const std::vector<std::string>& item_ids, const GoOn& go_on = GoOn());

}  // namespace kindred
