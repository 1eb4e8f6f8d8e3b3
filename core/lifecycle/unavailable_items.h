// Ids of items that are out, ascending byte by byte, in one block of memory. Immutable and thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kindred {

class UnavailableItems {
 public:
  UnavailableItems() = default;  // none, version 0
  // REQUIRES: ids that ascend strictly.
  UnavailableItems(std::span<const std::string_view> ids, uint64_t version);

  size_t size() const { return ends_.size(); }
  uint64_t version() const { return version_; }
  // REQUIRES: index < size().
  std::string_view Id(size_t index) const {
    const uint64_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }
  // How many ids are at most `id`: the index of the first one after it. O(log size).
  size_t CountUpTo(std::string_view id) const;
  bool Contains(std::string_view id) const;

  // These with `out` in it and without `back`, one version on. Each list ascends strictly; they share no id. *changed:
  // how many of their ids were in the other state. O(bytes of both).
  UnavailableItems With(std::span<const std::string_view> out, std::span<const std::string_view> back,
                        size_t* changed) const;

 private:
  void Append(std::string_view id);

  std::string bytes_;
  std::vector<uint64_t> ends_;  // of each id in bytes_
  uint64_t version_ = 0;
};

}  // namespace kindred
