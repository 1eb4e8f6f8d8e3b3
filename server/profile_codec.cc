#include "server/profile_codec.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "server/packed_profile.h"
#include "server/profile_store.h"

namespace kindred {
namespace {

constexpr std::string_view kMagic = "KPR";
constexpr size_t kSizeOffset = 4;
constexpr size_t kVersionOffset = kValueChecksumOffset + kValueChecksumBytes;
constexpr size_t kUserHashOffset = 24;
// Of format '1'.
constexpr size_t kOldHeaderBytes = 16;

uint64_t Hash(std::string_view bytes) { return Xxh3(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

// The least number of leading elements, of `n`, without which what is left fits.
template <typename Fits>
size_t LeastSkip(size_t n, const Fits& fits) {
  size_t low = 0, high = n;  // `high` fits, or is all that can be done
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (fits(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return high;
}

// Packs as much of `profile` as fits into `max_bytes`; whether that is all.
bool PackWithin(size_t max_bytes, const Profile& profile, v1::PackedProfile* packed) {
  PackProfile(profile, 0, 0, packed);
  if (packed->ByteSizeLong() <= max_bytes) return true;
  const size_t n_events = profile.events.size(), n_ids = profile.update_ids.size();
  const auto fits = [&](size_t skip_events, size_t skip_ids) {
    PackProfile(profile, skip_events, skip_ids, packed);
    return packed->ByteSizeLong() <= max_bytes;
  };
  const size_t skip_events = LeastSkip(n_events, [&](size_t skip) { return fits(skip, 0); });
  if (fits(skip_events, 0)) return false;
  const size_t skip_ids = LeastSkip(n_ids, [&](size_t skip) { return fits(n_events, skip); });
  PackProfile(profile, n_events, skip_ids, packed);
  return n_events == 0 && skip_ids == 0;
}

ValueFault ReadOldValue(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch,
                        Profile* profile) {
  const std::string_view bytes = value.substr(kOldHeaderBytes);
  std::string& hashed = scratch->hashed;
  hashed.clear();
  AppendLittleEndian(static_cast<uint32_t>(user_id.size()), &hashed);
  hashed.append(user_id);
  hashed.append(bytes);
  if (ReadLittleEndian<uint32_t>(value.substr(kSizeOffset)) != bytes.size() ||
      ReadLittleEndian<uint64_t>(value.substr(kValueChecksumOffset)) != Hash(hashed)) {
    return ValueFault::kDamaged;
  }
  v1::ProfileRecord& record = scratch->record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || record.user_id() != user_id) {
    return ValueFault::kDamaged;
  }
  ReadRecord(record, profile);
  // Through the other format, whose checks hold for both.
  PackProfile(*profile, 0, 0, &scratch->packed);
  return UnpackProfile(scratch->packed, profile) ? ValueFault::kNone : ValueFault::kDamaged;
}

}  // namespace

void WriteRecord(const Profile& profile, v1::ProfileRecord* record) {
  record->Clear();
  record->set_user_id(profile.user_id);
  record->set_version(profile.version);
  record->set_updated_ms(profile.updated_ms);
  for (const Event& event : profile.events) {
    auto* stored = record->add_events();
    stored->set_item_id(event.item_id);
    stored->set_action(event.action);
    stored->set_time_ms(event.time_ms);
    stored->set_weight(event.weight);
    stored->set_blend_step(event.blend_step);
    stored->set_origin(event.origin);
  }
  for (const std::string& update_id : profile.update_ids) record->add_update_ids(update_id);
  record->set_epoch(profile.epoch);
}

void ReadRecord(const v1::ProfileRecord& record, Profile* profile) {
  ClearProfile(profile);
  profile->user_id = record.user_id();
  profile->version = record.version();
  profile->updated_ms = record.updated_ms();
  profile->events.reserve(record.events_size());
  for (const auto& event : record.events()) {
    profile->events.push_back(
        {event.item_id(), event.action(), event.time_ms(), event.weight(), event.blend_step(), event.origin()});
  }
  profile->update_ids.assign(record.update_ids().begin(), record.update_ids().end());
  profile->epoch = record.epoch();
}

bool EncodeProfile(const Profile& profile, ProfileCodecScratch* scratch, std::string* value, size_t max_bytes) {
  v1::PackedProfile& packed = scratch->packed;
  const bool whole = PackWithin(max_bytes - std::min(max_bytes, kValueHeaderBytes), profile, &packed);
  const size_t size = packed.ByteSizeLong();
  value->assign(kMagic);
  value->push_back('2');
  AppendLittleEndian(static_cast<uint32_t>(size), value);
  AppendLittleEndian(uint64_t{0}, value);  // the checksum, below
  AppendLittleEndian(profile.version, value);
  AppendLittleEndian(Hash(profile.user_id), value);
  packed.AppendToString(value);
  std::string& checksum = scratch->hashed;
  checksum.clear();
  AppendLittleEndian(Hash(std::string_view(*value).substr(kVersionOffset)), &checksum);
  value->replace(kValueChecksumOffset, kValueChecksumBytes, checksum);
  return whole;
}

ValueFault ReadProfileValue(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch,
                            Profile* profile) {
  ClearProfile(profile);
  if (value.size() <= kMagic.size() || value.substr(0, kMagic.size()) != kMagic) return ValueFault::kForeign;
  const char format = value[kMagic.size()];
  if (format != '1' && format != '2') return ValueFault::kForeign;
  if (value.size() < (format == '1' ? kOldHeaderBytes : kValueHeaderBytes)) return ValueFault::kDamaged;
  if (format == '1') return ReadOldValue(user_id, value, scratch, profile);

  const std::string_view bytes = value.substr(kValueHeaderBytes);
  if (ReadLittleEndian<uint32_t>(value.substr(kSizeOffset)) != bytes.size() ||
      ReadLittleEndian<uint64_t>(value.substr(kValueChecksumOffset)) != Hash(value.substr(kVersionOffset))) {
    return ValueFault::kDamaged;
  }
  if (ReadLittleEndian<uint64_t>(value.substr(kUserHashOffset)) != Hash(user_id)) return ValueFault::kCrossed;
  v1::PackedProfile& packed = scratch->packed;
  if (!packed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return ValueFault::kDamaged;
  if (packed.user_id() != user_id) return ValueFault::kCrossed;
  if (packed.version() != ReadLittleEndian<uint64_t>(value.substr(kVersionOffset))) return ValueFault::kDamaged;
  return UnpackProfile(packed, profile) ? ValueFault::kNone : ValueFault::kDamaged;
}

bool DecodeProfile(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch, Profile* profile) {
  return ReadProfileValue(user_id, value, scratch, profile) == ValueFault::kNone;
}

}  // namespace kindred
