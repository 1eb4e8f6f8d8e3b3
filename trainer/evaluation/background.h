// What evaluation knows beside the model: the catalogue, how many users have each item, and what each user has already.
// Immutable after making and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/text.h"
#include "core/engine/model.h"
#include "trainer/data/event_log.h"
#include "trainer/evaluation/ranker.h"

namespace kindred {

class Background {
 public:
  // The bundle's own catalogue, and its users' seen items. O(interactions).
  static Background OfModel(const Model& model);
  // The items of `train` that the ranker knows (asked in requests of kMaxRankIds), the users of `train`. Errors of the
  // ranker. O(rows log rows).
  static absl::StatusOr<Background> OfEvents(const EventLog& train, const Ranker& ranker);

  uint32_t n_items() const { return static_cast<uint32_t>(item_ids_.size()); }
  uint64_t n_users() const { return user_index_.size(); }
  const std::string& ItemId(uint32_t item) const { return item_ids_[item]; }
  std::optional<uint32_t> FindItem(std::string_view id) const;
  // Users of each item: [n_items]; items by falling number of users, ties by index: [n_items].
  std::span<const uint64_t> popularity() const { return popularity_; }
  std::span<const uint32_t> popularity_order() const { return order_; }
  // Items of a user, ascending; empty for one that is not known.
  std::span<const uint32_t> Seen(std::string_view user_id) const;

 private:
  using Index = std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>>;
  void Finish();

  std::vector<std::string> item_ids_;
  Index item_index_, user_index_;
  std::vector<int64_t> seen_offsets_{0};
  std::vector<uint32_t> seen_;
  std::vector<uint64_t> popularity_;
  std::vector<uint32_t> order_;
};

// Which items of the log have a row and are known to the ranker: [n_items of the log], asked in requests of
// kMaxRankIds. Errors of the ranker.
absl::StatusOr<std::vector<bool>> KnownItems(const EventLog& log, const Ranker& ranker);

}  // namespace kindred
