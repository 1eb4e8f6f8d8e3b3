// What a caller asks of the engine: kindred.v1.RecommendRequest without the wire. Views into the caller's message.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/engine/item_filter.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// Added to the score of each item of a category or of a list.
struct BoostOption {
  std::string_view category;                   // empty: item_ids
  std::span<const std::string_view> item_ids;  // ids that the catalogue does not have are missing ones
  float amount = 0;                            // finite
};

// A space and its weight in a blend that the request asks for.
struct BlendOption {
  std::string_view space;
  double weight = 0;  // ≥ 0, finite
};

struct RecommendOptions {
  std::string_view space;  // "" = the default space
  uint32_t k = 10;
  uint32_t offset = 0;  // items of the list that are passed over: pages
  bool include_seen = false;
  bool explain = false;
  bool contributions = true;  // with explain: what items of the history count, too
  std::span<const std::string_view> exclude_item_ids;
  std::span<const std::string_view> candidate_item_ids;  // empty = the whole catalogue; else only these
  const ItemFilter* filter = nullptr;                    // only items that meet it
  std::span<const uint64_t> available;                   // bitmap over items, a word for 64; empty: all are
  std::optional<float> min_score;
  uint32_t max_per_category = 0;     // 0: any number
  std::string_view category_prefix;  // which categories max_per_category counts
  std::optional<double> diversity;   // λ of maximal marginal relevance, 0 to 1
  std::span<const BoostOption> boosts;
  std::span<const BlendOption> blend;  // not empty: ranks by these spaces together, in place of `space`
  // In place of `offset`, where lists go by score alone: only items that rank behind this one.
  std::optional<ScoredItem> after;
};

}  // namespace kindred
