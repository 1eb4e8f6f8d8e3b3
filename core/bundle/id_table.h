// A table of distinct UTF-8 ids with a prebuilt hash index: index → id in O(1), id → index touching two pages (the
// slot and the id's bytes). Views; thread-safe. Whatever somebody writes over the mapped bytes meanwhile, look-ups end,
// stay within the tensors and give indices below size().
//
// Index: U64 [slots × 2], slots a power of two ≥ 2n, open addressing with linear probing from XXH3(id) mod slots.
// Word 0 of a slot: 0 = empty, else (XXH3(id) & 0xffffffff00000000) | (index + 1). Word 1: (byte offset << 16) |
// length.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/bundle/tensor.h"

namespace kindred {

class IdTable {
 public:
  IdTable() = default;
  // Views over validated tensors. `index` may be empty (a table without look-up, such as display names).
  IdTable(std::span<const char> bytes, std::span<const int64_t> offsets, std::span<const uint64_t> index)
      : bytes_(bytes), offsets_(offsets), index_(index) {}

  uint32_t size() const { return offsets_.empty() ? 0 : static_cast<uint32_t>(offsets_.size() - 1); }
  bool empty() const { return size() == 0; }
  // Empty for an index that the table does not have.
  std::string_view Id(uint32_t index) const;
  // The index of `id`, or nullopt. REQUIRES: the table has an index.
  std::optional<uint32_t> Find(std::string_view id) const;
  // Find of many: what the next ids will touch is fetched meanwhile. found: [ids.size()], kNone for one that is not
  // there. REQUIRES: the table has an index.
  static constexpr uint32_t kNone = UINT32_MAX;
  void FindMany(std::span<const std::string_view> ids, std::span<uint32_t> found) const;

 private:
  // The index where it is one of this table, else kNone.
  uint32_t Known(uint32_t index) const { return index < size() ? index : kNone; }
  // Whether the bytes at a slot's `place` are the id.
  bool IsAt(uint64_t place, std::string_view id) const;
  // Looks at `slot` and on from there.
  uint32_t FindFrom(uint64_t slot, std::string_view id, uint64_t hash) const;
  void FindGroup(std::span<const std::string_view> ids, std::span<uint32_t> found) const;

  std::span<const char> bytes_;
  std::span<const int64_t> offsets_;
  std::span<const uint64_t> index_;
};

// The table of `table` ("items.ids") in a set of tensors; an empty table when it is absent.
IdTable IdTableFrom(const TensorMap& tensors, std::string_view table);

// `<table>.bytes` and `<table>.offsets` for `ids`.
std::vector<OwnedTensor> MakeIdTensors(std::string_view table, std::span<const std::string> ids);

// `<table>.index` for an id table. INVALID_ARGUMENT naming both rows when two ids are equal, and for ids that were
// chosen to collide (kMaxIdProbes). REQUIRES: offsets that start at 0 and never fall (CheckContents). O(n).
absl::StatusOr<OwnedTensor> MakeIdIndex(std::string_view table, const IdTable& ids);

// Slots that MakeIdIndex gives a table of `n_ids`: the least power of two ≥ max(2, 2n).
uint64_t IdIndexSlots(uint64_t n_ids);

// What is wrong with `text` as an id or name of a bundle ("is not valid UTF-8", …); empty when nothing is.
std::string IdProblem(std::string_view text);

// The longest run of probes that an index may need. At half load a run of honest ids stays below a few hundred slots
// even for 2^32 of them; the limit keeps chosen ids from turning the O(n) checks into O(n²).
inline constexpr uint64_t kMaxIdProbes = 4096;

}  // namespace kindred
