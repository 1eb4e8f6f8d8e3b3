// Any bytes as a stored profile of the user "u1". What is decoded must be what a server could have made: encoded again,
// also into few bytes, it is decoded to the same, and it merges with another profile.
//
// The first byte: bit 0, the rest is a message that gets a frame of format 2 (its size, checksum, version and user),
// which mutations do not manage; bit 1, one of format 1; bits 2 to 7, how many times 128 bytes the bounded encoding may
// take.
#include <google/protobuf/message.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "core/profile/merge.h"
#include "server/profile_codec.h"

namespace kindred {
namespace {

constexpr std::string_view kUser = "u1";

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_profile: %s\n", what);
  std::abort();
}

uint64_t Hash(std::string_view bytes) { return Xxh3(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

// A value of format 2 around a message.
std::string Frame(std::string_view message) {
  v1::PackedProfile packed;
  std::string summed;
  AppendLittleEndian(packed.ParseFromArray(message.data(), static_cast<int>(message.size())) ? packed.version() : 0,
                     &summed);
  AppendLittleEndian(Hash(kUser), &summed);
  summed.append(message);
  std::string value = "KPR2";
  AppendLittleEndian(static_cast<uint32_t>(message.size()), &value);
  AppendLittleEndian(Hash(summed), &value);
  return value + summed;
}

std::string OldFrame(std::string_view message) {
  std::string summed, value = "KPR1";
  AppendLittleEndian(static_cast<uint32_t>(kUser.size()), &summed);
  summed.append(kUser);
  summed.append(message);
  AppendLittleEndian(static_cast<uint32_t>(message.size()), &value);
  AppendLittleEndian(Hash(summed), &value);
  return value.append(message);
}

void CheckSound(const Profile& profile) {
  Require(profile.user_id == kUser, "another user's profile");
  Require(profile.version > 0 || (profile.epoch > 0 && profile.events.empty()), "a profile of nobody");
  const Event* before = nullptr;
  for (const Event& event : profile.events) {
    Require(!event.item_id.empty() && std::isfinite(event.weight) && event.weight > 0, "an event that cannot be");
    const uint32_t step = before == nullptr ? 0 : before->blend_step;
    const bool next = before != nullptr && event.blend_step == step + 1;
    Require(event.blend_step == step || next, "steps with a gap");
    Require(before == nullptr || next || before->time_ms <= event.time_ms, "events out of order");
    before = &event;
  }
}

Profile Other() {
  Profile profile;
  profile.user_id = kUser;
  profile.version = 2;
  profile.events = {{"a", "view", 5, 1.0, 0, 7}, {"z", "", 9, 1.0, 1, 8}};
  profile.update_ids = {"x", "other"};
  return profile;
}

void Run(uint8_t mode, std::string_view bytes) {
  ProfileCodecScratch scratch;
  Profile profile, again;
  std::string value = (mode & 1) != 0 ? Frame(bytes) : (mode & 2) != 0 ? OldFrame(bytes) : std::string(bytes);
  if (!DecodeProfile(kUser, value, &scratch, &profile)) {
    Require(profile == Profile(), "something of a value that was refused");
    return;
  }
  Profile crossed;
  Require(!DecodeProfile("u2", value, &scratch, &crossed), "a value of two users");
  CheckSound(profile);

  Require(EncodeProfile(profile, &scratch, &value), "not all of a profile without a bound");
  Require(DecodeProfile(kUser, value, &scratch, &again) && again == profile, "another profile after a round trip");
  const size_t max_bytes = size_t{static_cast<uint8_t>(mode >> 2)} * 128;
  const bool whole = EncodeProfile(profile, &scratch, &value, max_bytes);
  Require(value.size() <= std::max<size_t>(max_bytes, 64 + kUser.size()), "more bytes than the bound");
  Require(DecodeProfile(kUser, value, &scratch, &again), "a bounded profile that is refused");
  Require(whole == (again == profile), "a bounded profile that says wrongly whether it is whole");

  Profile merged = profile, reversed = Other();
  MergeProfile(Other(), {}, &merged);
  MergeProfile(profile, {}, &reversed);
  Require(merged == reversed, "a merge that depends on the side");
  CheckSound(merged);
  EncodeProfile(merged, &scratch, &value);
  Require(DecodeProfile(kUser, value, &scratch, &again) && again == merged, "a merged profile that is refused");
}

}  // namespace
}  // namespace kindred

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Protobuf says on standard error what it will not parse, which here is most of it.
  [[maybe_unused]] static const bool quiet = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
  if (size > 0) kindred::Run(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
