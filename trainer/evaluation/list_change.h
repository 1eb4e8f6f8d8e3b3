// How a ranked list changed. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace kindred {

struct ListChange {
  double overlap = 1;      // share of the old list that is in the new one
  double rank_change = 0;  // mean |new rank − old rank| over the old list
  double spearman = 1;     // of the ranks over the items of both lists; 1 for the same list
};

// Lists of distinct ids, best first, as long as was asked for or shorter; an item that a list does not have counts as
// one place behind the longer list. nullopt when the old list is empty. O(n log n).
std::optional<ListChange> CompareLists(std::span<const std::string_view> before,
                                       std::span<const std::string_view> after);

// Means over lists.
class ListChangeMean {
 public:
  void Add(const ListChange& change);
  uint64_t lists() const { return lists_; }
  ListChange mean() const;

 private:
  uint64_t lists_ = 0;
  ListChange sum_{0, 0, 0};
};

}  // namespace kindred
