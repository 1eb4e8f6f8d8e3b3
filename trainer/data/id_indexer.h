// Numbers ids in the order in which they first come. Not thread-safe.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace kindred {

class IdIndexer {
 public:
  IdIndexer() : index_(0, Hash{&ids_}, Equal{&ids_}) {}
  IdIndexer(const IdIndexer&) = delete;
  IdIndexer& operator=(const IdIndexer&) = delete;

  uint32_t Index(std::string_view id) {
    // Files are often sorted by one of their columns.
    if (last_ < ids_.size() && ids_[last_] == id) return last_;
    const auto found = index_.find(id);
    if (found != index_.end()) return last_ = *found;
    ids_.emplace_back(id);
    last_ = static_cast<uint32_t>(ids_.size() - 1);
    index_.insert(last_);
    return last_;
  }

  // The id that is the number's decimal digits.
  uint32_t Index(int64_t id) {
    const auto [found, is_new] = of_integer_.try_emplace(id, 0);
    if (is_new) {
      char text[24];
      const char* end = std::to_chars(text, text + sizeof(text), id).ptr;
      found->second = Index(std::string_view(text, static_cast<size_t>(end - text)));
    }
    return found->second;
  }

  size_t size() const { return ids_.size(); }
  std::vector<std::string> TakeIds() {
    index_.clear();
    of_integer_.clear();
    return std::move(ids_);
  }

 private:
  // The set holds numbers and looks the ids up, so that each id is stored once.
  struct Hash {
    using is_transparent = void;
    const std::vector<std::string>* ids;
    size_t operator()(uint32_t index) const { return operator()(std::string_view((*ids)[index])); }
    size_t operator()(std::string_view id) const {
      return absl::Hash<absl::string_view>()(absl::string_view(id.data(), id.size()));
    }
  };
  struct Equal {
    using is_transparent = void;
    const std::vector<std::string>* ids;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, std::string_view b) const { return (*ids)[a] == b; }
    bool operator()(std::string_view a, uint32_t b) const { return a == (*ids)[b]; }
  };
  std::vector<std::string> ids_;
  absl::flat_hash_set<uint32_t, Hash, Equal> index_;
  absl::flat_hash_map<int64_t, uint32_t> of_integer_;
  uint32_t last_ = UINT32_MAX;
};

}  // namespace kindred
