#include "server/profile_codec.h"

#include <cstdint>
#include <cstring>
#include <span>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "server/profile_store.h"

namespace kindred {
namespace {

constexpr std::string_view kMagic = "KPR1";
constexpr size_t kHeaderBytes = 16;

uint64_t Checksum(std::string_view user_id, std::string_view record, std::string* scratch) {
  scratch->clear();
  AppendLittleEndian(static_cast<uint32_t>(user_id.size()), scratch);
  scratch->append(user_id);
  scratch->append(record);
  return Xxh3(std::as_bytes(std::span(scratch->data(), scratch->size())));
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

void EncodeProfile(const Profile& profile, ProfileCodecScratch* scratch, std::string* value) {
  WriteRecord(profile, &scratch->record);
  const std::string bytes = scratch->record.SerializeAsString();
  value->assign(kMagic);
  AppendLittleEndian(static_cast<uint32_t>(bytes.size()), value);
  AppendLittleEndian(Checksum(profile.user_id, bytes, &scratch->hashed), value);
  value->append(bytes);
}

bool DecodeProfile(std::string_view user_id, std::string_view value, ProfileCodecScratch* scratch, Profile* profile) {
  ClearProfile(profile);
  if (value.size() < kHeaderBytes || value.substr(0, kMagic.size()) != kMagic) return false;
  const std::string_view bytes = value.substr(kHeaderBytes);
  if (ReadLittleEndian<uint32_t>(value.substr(4)) != bytes.size()) return false;
  if (ReadLittleEndian<uint64_t>(value.substr(8)) != Checksum(user_id, bytes, &scratch->hashed)) return false;
  v1::ProfileRecord& record = scratch->record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  if (record.user_id() != user_id || record.version() == 0) return false;
  ReadRecord(record, profile);
  return true;
}

}  // namespace kindred
