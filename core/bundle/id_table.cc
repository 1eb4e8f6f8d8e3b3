#include "core/bundle/id_table.h"

// The hash of a short id costs less than a call.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"
#include "core/base/read_once.h"
#include "core/base/str_cat.h"
#include "core/base/utf8.h"
#include "core/bundle/schema.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

constexpr uint64_t kTagMask = 0xffffffff00000000;
constexpr int kLengthBits = 16;
constexpr uint64_t kLengthMask = (uint64_t{1} << kLengthBits) - 1;

constexpr uint64_t kSlotsPerLine = 4;
// Ids that are looked up together: enough that the waits at the ends of a step are few, and few enough that what was
// asked for is still in L2 when it is read (10,000 ids of 1,000,000: 64 at a time take 8 % longer, 512 as long).
constexpr size_t kGroup = 256;

uint64_t HashOf(std::string_view id) { return XXH3_64bits(id.data(), id.size()); }

// Into L2: a core waits for more lines there at once than in L1 (10,000 of 1,000,000: 180 against 290 µs).
void Prefetch(const void* address) { __builtin_prefetch(address, 0, 2); }

// memcmp(a, b, size) == 0; ids of 8 to 16 bytes, as most are, without a call.
bool Equal(const char* a, const char* b, size_t size) {
  if (size < 8 || size > 16) return std::memcmp(a, b, size) == 0;
  uint64_t words[4];
  std::memcpy(&words[0], a, 8);
  std::memcpy(&words[1], b, 8);
  std::memcpy(&words[2], a + size - 8, 8);
  std::memcpy(&words[3], b + size - 8, 8);
  return ((words[0] ^ words[1]) | (words[2] ^ words[3])) == 0;
}

}  // namespace

std::string_view IdTable::Id(uint32_t index) const {
  if (index >= size()) return {};
  const auto begin = static_cast<uint64_t>(ReadOnce(offsets_[index]));
  const auto end = static_cast<uint64_t>(ReadOnce(offsets_[index + 1]));
  if (begin > end || end > bytes_.size()) return {};
  return {bytes_.data() + begin, end - begin};
}

bool IdTable::IsAt(uint64_t place, std::string_view id) const {
  const uint64_t begin = place >> kLengthBits;
  return (place & kLengthMask) == id.size() && id.size() <= bytes_.size() && begin <= bytes_.size() - id.size() &&
         Equal(bytes_.data() + begin, id.data(), id.size());
}

uint32_t IdTable::FindFrom(uint64_t slot, std::string_view id, uint64_t hash) const {
  const uint64_t mask = index_.size() / 2 - 1;
  // A checked index is at most half full, so an empty slot ends this, and has no id further from its hash.
  for (uint64_t probes = 0; probes <= kMaxIdProbes; ++probes, slot = (slot + 1) & mask) {
    const uint64_t word = ReadOnce(index_[2 * slot]);
    if (word == 0) return kNone;
    if (((word ^ hash) & kTagMask) != 0) continue;
    if (IsAt(ReadOnce(index_[2 * slot + 1]), id)) return Known(static_cast<uint32_t>(word) - 1);
  }
  return kNone;
}

std::optional<uint32_t> IdTable::Find(std::string_view id) const {
  if (index_.empty()) return std::nullopt;
  const uint64_t hash = HashOf(id);
  const uint32_t found = FindFrom(hash & (index_.size() / 2 - 1), id, hash);
  return found == kNone ? std::nullopt : std::optional(found);
}

void IdTable::FindMany(std::span<const std::string_view> ids, std::span<uint32_t> found) const {
  if (index_.empty()) {
    std::fill(found.begin(), found.end(), kNone);
    return;
  }
  for (size_t begin = 0; begin < ids.size(); begin += kGroup) {
    const size_t count = std::min(kGroup, ids.size() - begin);
    FindGroup(ids.subspan(begin, count), found.subspan(begin, count));
  }
}

// In a large table nearly every id waits for memory, twice: for its slot and for its bytes. So each step asks for what
// the next one reads of the whole group, and none reads what was not asked for.
void IdTable::FindGroup(std::span<const std::string_view> ids, std::span<uint32_t> found) const {
  const uint64_t mask = index_.size() / 2 - 1;
  uint64_t hashes[kGroup], slots[kGroup], places[kGroup];
  uint16_t late[kGroup];  // whose probes run on into another cache line
  size_t n_late = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    hashes[i] = HashOf(ids[i]);
    slots[i] = hashes[i] & mask;
    Prefetch(&index_[2 * slots[i]]);
  }
  // Finds the first slot, from slots[i] on, that is empty or has the id's tag; false where a line ends before.
  const auto probe = [&](size_t i, bool one_line) {
    uint64_t slot = slots[i], word, probes = 0;
    while ((word = ReadOnce(index_[2 * slot])) != 0 && ((word ^ hashes[i]) & kTagMask) != 0) {
      slot = (slot + 1) & mask;
      if (++probes > kMaxIdProbes) {
        word = 0;
        break;
      }
      if (!one_line || slot % kSlotsPerLine != 0) continue;
      slots[i] = slot;
      return false;
    }
    slots[i] = slot;
    places[i] = ReadOnce(index_[2 * slot + 1]);
    found[i] = Known(static_cast<uint32_t>(word) - 1);  // of an empty slot: kNone
    // Numbers until IsAt has looked at them: only prefetches may go anywhere.
    const uint64_t bytes = reinterpret_cast<uintptr_t>(bytes_.data()) + (places[i] >> kLengthBits);
    Prefetch(reinterpret_cast<const void*>(bytes));
    Prefetch(reinterpret_cast<const void*>(bytes + (places[i] & kLengthMask)));
    return true;
  };
  for (size_t i = 0; i < ids.size(); ++i) {
    if (probe(i, true)) continue;
    late[n_late++] = static_cast<uint16_t>(i);
    Prefetch(&index_[2 * slots[i]]);
  }
  for (size_t l = 0; l < n_late; ++l) probe(late[l], false);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (found[i] == kNone || IsAt(places[i], ids[i])) continue;
    found[i] = FindFrom((slots[i] + 1) & mask, ids[i], hashes[i]);  // another id with the same tag
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

std::string IdProblem(std::string_view text) {
  if (text.size() > kMaxIdBytes) {
    return absl::StrFormat("is %d bytes long, at most %d are allowed", text.size(), kMaxIdBytes);
  }
  return IsValidUtf8(text) ? "" : "is not valid UTF-8";
}

}  // namespace kindred
