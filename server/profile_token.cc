#include "server/profile_token.h"

#include <google/protobuf/io/coded_stream.h>

#include <cmath>
#include <cstdint>
#include <span>

#include "absl/strings/str_format.h"
#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "core/base/str_cat.h"
#include "server/limits.h"
#include "server/profile_store.h"

namespace kindred {
namespace {

constexpr std::string_view kMagic = "KPT";
constexpr uint8_t kFormat = 1;
constexpr size_t kHeaderBytes = 4;
constexpr size_t kChecksumBytes = 8;

uint64_t Checksum(std::string_view bytes) { return Xxh3(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

// What an event takes in its record: tag, length, message.
size_t EncodedBytes(const v1::EventRecord& event) {
  const size_t size = event.ByteSizeLong();
  return 1 + google::protobuf::io::CodedOutputStream::VarintSize32(static_cast<uint32_t>(size)) + size;
}

// A token is never merged with anything.
void KeepWhatIsForReading(v1::ProfileRecord* record) {
  record->clear_update_ids();
  record->clear_epoch();
  for (v1::EventRecord& event : *record->mutable_events()) event.clear_origin();
}

// Drops the first events until the record takes at most `limit` bytes.
void KeepWhatFits(size_t limit, v1::ProfileRecord* record) {
  auto* events = record->mutable_events();
  int dropped = 0;
  for (size_t bytes = record->ByteSizeLong(); bytes > limit && dropped < events->size(); ++dropped) {
    bytes -= EncodedBytes(events->Get(dropped));
  }
  if (dropped == 0) return;
  events->DeleteSubrange(0, dropped);
  const uint32_t first_step = events->empty() ? 0 : events->Get(0).blend_step();
  for (v1::EventRecord& event : *events) event.set_blend_step(event.blend_step() - first_step);
}

bool IsValidTime(int64_t time_ms) {
  return time_ms >= kMinTimestampSeconds * 1000 && time_ms <= kMaxTimestampSeconds * 1000 + 999;
}

// What is wrong with an event, "" when nothing. `before` is the one before it, null for the first.
std::string EventFault(const v1::EventRecord& event, const v1::EventRecord* before) {
  if (event.item_id().empty() || event.item_id().size() > limits::kMaxIdBytes) {
    return absl::StrFormat("an item id of %d bytes, expected 1 to %d", event.item_id().size(), limits::kMaxIdBytes);
  }
  if (event.action().size() > limits::kMaxActionBytes) {
    return absl::StrFormat("an action of %d bytes, expected at most %d", event.action().size(),
                           limits::kMaxActionBytes);
  }
  if (!std::isfinite(event.weight()) || event.weight() <= 0) {
    return absl::StrFormat("a weight of %g, expected a finite number above 0", event.weight());
  }
  if (!IsValidTime(event.time_ms())) return "a time outside the years 1 to 9999";
  const uint32_t step = before == nullptr ? 0 : before->blend_step();
  const bool next = before != nullptr && event.blend_step() == step + 1;
  if (event.blend_step() != step && !next) return "blend steps with a gap";
  if (event.blend_step() >= ProfileLimits().max_blend_steps) return "too many blend steps";
  if (before != nullptr && !next && event.time_ms() < before->time_ms()) return "events out of order";
  return "";
}

// What is wrong with a record, "" when nothing.
std::string RecordFault(const v1::ProfileRecord& record) {
  if (record.user_id().empty() || record.user_id().size() > limits::kMaxIdBytes) {
    return absl::StrFormat("a user id of %d bytes, expected 1 to %d", record.user_id().size(), limits::kMaxIdBytes);
  }
  if (record.version() == 0) return "version 0";
  if (!IsValidTime(record.updated_ms())) return "a time of update outside the years 1 to 9999";
  if (record.events_size() > limits::kMaxEvents) {
    return absl::StrFormat("%d events, expected at most %d", record.events_size(), limits::kMaxEvents);
  }
  const v1::EventRecord* before = nullptr;
  for (const v1::EventRecord& event : record.events()) {
    std::string fault = EventFault(event, before);
    if (!fault.empty()) return fault;
    before = &event;
  }
  return "";
}

// What is wrong with a token, "" when it is good and `record` holds what it says.
std::string TokenFault(std::string_view token, v1::ProfileRecord* record) {
  if (token.size() > limits::kMaxProfileTokenBytes) {
    return absl::StrFormat("is %d bytes long, expected at most %d", token.size(), limits::kMaxProfileTokenBytes);
  }
  const auto fault = [](std::string_view found) {
    return StrCat("is not a profile token (", found, "), expected the bytes that UpdateProfile or GetProfile gave");
  };
  if (token.size() < kHeaderBytes + kChecksumBytes) return fault(StrCat("only ", token.size(), " bytes"));
  if (token.substr(0, kMagic.size()) != kMagic) return fault("it does not begin with 'KPT'");
  const auto format = static_cast<uint8_t>(token[kMagic.size()]);
  if (format != kFormat) return fault(absl::StrFormat("format %d, this server knows %d", format, kFormat));
  const std::string_view summed = token.substr(0, token.size() - kChecksumBytes);
  if (ReadLittleEndian<uint64_t>(token.substr(summed.size())) != Checksum(summed)) {
    return fault("damaged: its checksum is wrong");
  }
  if (!record->ParseFromArray(summed.data() + kHeaderBytes, static_cast<int>(summed.size() - kHeaderBytes))) {
    return fault("what it holds cannot be read");
  }
  const std::string found = RecordFault(*record);
  return found.empty() ? "" : fault(found);
}

}  // namespace

void EncodeProfileToken(const Profile& profile, ProfileCodecScratch* scratch, std::string* token) {
  token->clear();
  if (profile.version == 0) return;
  v1::ProfileRecord& record = scratch->record;
  WriteRecord(profile, &record);
  KeepWhatIsForReading(&record);
  KeepWhatFits(limits::kMaxProfileTokenBytes - kHeaderBytes - kChecksumBytes, &record);
  token->append(kMagic);
  token->push_back(static_cast<char>(kFormat));
  record.AppendToString(token);
  AppendLittleEndian(Checksum(*token), token);
}

bool DecodeProfileToken(std::string_view field, std::string_view token, ProfileCodecScratch* scratch, Profile* profile,
                        FieldChecks* checks) {
  ClearProfile(profile);
  const std::string fault = TokenFault(token, &scratch->record);
  if (!fault.empty()) {
    checks->Add(field, fault);
    return false;
  }
  KeepWhatIsForReading(&scratch->record);
  ReadRecord(scratch->record, profile);
  return true;
}

}  // namespace kindred
