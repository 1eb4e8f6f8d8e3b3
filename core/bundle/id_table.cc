#include "core/bundle/id_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/base/checksum.h"
#include "core/base/str_cat.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

constexpr uint64_t kTagMask = 0xffffffff00000000;
constexpr int kLengthBits = 16;
constexpr uint64_t kLengthMask = (uint64_t{1} << kLengthBits) - 1;

uint64_t HashOf(std::string_view id) { return Xxh3(std::as_bytes(std::span(id))); }

}  // namespace

std::string_view IdTable::Id(uint32_t index) const {
  const auto begin = static_cast<size_t>(offsets_[index]);
  return {bytes_.data() + begin, static_cast<size_t>(offsets_[index + 1]) - begin};
}

uint32_t IdTable::FindHashed(std::string_view id, uint64_t hash) const {
  const uint64_t mask = index_.size() / 2 - 1;
  // A checked index is at most half full, so an empty slot ends this.
  for (uint64_t slot = hash & mask;; slot = (slot + 1) & mask) {
    const uint64_t word = index_[2 * slot];
    if (word == 0) return kNone;
    if (((word ^ hash) & kTagMask) != 0) continue;
    const uint64_t place = index_[2 * slot + 1];
    const uint64_t length = place & kLengthMask;
    if (length == id.size() && std::memcmp(bytes_.data() + (place >> kLengthBits), id.data(), length) == 0) {
      return static_cast<uint32_t>(word) - 1;
    }
  }
}

std::optional<uint32_t> IdTable::Find(std::string_view id) const {
  if (index_.empty()) return std::nullopt;
  const uint32_t found = FindHashed(id, HashOf(id));
  return found == kNone ? std::nullopt : std::optional(found);
}

void IdTable::FindMany(std::span<const std::string_view> ids, std::span<uint32_t> found) const {
  if (index_.empty()) {
    std::fill(found.begin(), found.end(), kNone);
    return;
  }
  constexpr size_t kGroup = 16;
  const uint64_t mask = index_.size() / 2 - 1;
  uint64_t hashes[kGroup];
  for (size_t begin = 0; begin < ids.size(); begin += kGroup) {
    const size_t count = std::min(kGroup, ids.size() - begin);
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = HashOf(ids[begin + i]);
      __builtin_prefetch(&index_[2 * (hashes[i] & mask)]);
    }
    for (size_t i = 0; i < count; ++i) {
      const uint64_t slot = hashes[i] & mask;
      if (index_[2 * slot] != 0) __builtin_prefetch(bytes_.data() + (index_[2 * slot + 1] >> kLengthBits));
    }
    for (size_t i = 0; i < count; ++i) found[begin + i] = FindHashed(ids[begin + i], hashes[i]);
  }
}

IdTable IdTableFrom(const TensorMap& tensors, std::string_view table) {
  const std::span<const uint8_t> bytes = TensorOrEmpty<uint8_t>(tensors, names::Bytes(table));
  return IdTable({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                 TensorOrEmpty<int64_t>(tensors, names::Offsets(table)),
                 TensorOrEmpty<uint64_t>(tensors, names::Index(table)));
}

std::vector<OwnedTensor> MakeIdTensors(std::string_view table, std::span<const std::string> ids) {
  size_t total = 0;
  for (const std::string& id : ids) total += id.size();
  std::vector<OwnedTensor> tensors;
  tensors.push_back(OwnedTensor::Zeros<uint8_t>(names::Bytes(table), {total}));
  tensors.push_back(OwnedTensor::Zeros<int64_t>(names::Offsets(table), {ids.size() + 1}));
  uint8_t* bytes = tensors[0].Data<uint8_t>().data();
  int64_t* offsets = tensors[1].Data<int64_t>().data();
  size_t at = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!ids[i].empty()) std::memcpy(bytes + at, ids[i].data(), ids[i].size());
    at += ids[i].size();
    offsets[i + 1] = static_cast<int64_t>(at);
  }
  return tensors;
}

uint64_t IdIndexSlots(uint64_t n_ids) { return std::bit_ceil(std::max<uint64_t>(2 * n_ids, 2)); }

absl::StatusOr<OwnedTensor> MakeIdIndex(std::string_view table, const IdTable& ids) {
  const uint64_t slots = IdIndexSlots(ids.size());
  const uint64_t mask = slots - 1;
  OwnedTensor tensor = OwnedTensor::Zeros<uint64_t>(names::Index(table), {slots, 2});
  const std::span<uint64_t> words = tensor.Data<uint64_t>();
  uint64_t offset = 0;
  for (uint32_t i = 0; i < ids.size(); ++i) {
    const std::string_view id = ids.Id(i);
    if (id.size() > kLengthMask || offset >> (64 - kLengthBits) != 0) {
      return absl::InvalidArgumentError(StrCat(table, "[", i, "] has ", id.size(), " bytes at offset ", offset,
                                               ", expected at most ", kLengthMask, " below offset 2^48"));
    }
    const uint64_t hash = HashOf(id);
    uint64_t slot = hash & mask;
    for (uint64_t probes = 0; words[2 * slot] != 0; slot = (slot + 1) & mask) {
      if (((words[2 * slot] ^ hash) & kTagMask) == 0 && ids.Id(static_cast<uint32_t>(words[2 * slot]) - 1) == id) {
        return absl::InvalidArgumentError(StrCat(table, "[", i, "] = ", Quoted(id), " is equal to ", table, "[",
                                                 static_cast<uint32_t>(words[2 * slot]) - 1,
                                                 "], expected distinct ids"));
      }
      if (++probes > kMaxIdProbes) {
        return absl::InvalidArgumentError(StrCat(table, "[", i, "] = ", Quoted(id), " needs more than ", kMaxIdProbes,
                                                 " probes of the hash index: the ids were chosen to collide"));
      }
    }
    words[2 * slot] = (hash & kTagMask) | (uint64_t{i} + 1);
    words[2 * slot + 1] = (offset << kLengthBits) | id.size();
    offset += id.size();
  }
  return tensor;
}

}  // namespace kindred
