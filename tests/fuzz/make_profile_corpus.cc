// Writes the seeds of the profile fuzzer: good values, messages to be framed, and what is neither.
// Deterministic.
#include <cstdio>
#include <string>
#include <utility>

#include "core/base/str_cat.h"
#include "server/profile_codec.h"
#include "tests/support/files.h"

namespace kindred::testing {
namespace {

constexpr char kFramed = 1, kOldFramed = 2;
constexpr char kSmall = 1 << 2;   // 128 bytes
constexpr char kLarge = 20 << 2;  // 2560 bytes

Profile Small() {
  Profile profile;
  profile.user_id = "u1";
  profile.version = 3;
  profile.updated_ms = 1'700'000'000'123;
  profile.events = {{"a", "view", 5, 1.0, 0, 7}, {"b", "", 6, 0.25, 0, 0}, {"c", "view", 4, 1.0, 1, 9}};
  profile.update_ids = {"x", "y"};
  profile.epoch = 2;
  return profile;
}

Profile Large() {
  Profile profile = Small();
  profile.events.clear();
  for (uint32_t i = 0; i < 100; ++i) {
    profile.events.push_back(
        {StrCat("item", i % 30), i % 3 == 0 ? "buy" : "view", 1'700'000'000'000 + i * 977, 1.0 + i % 2, i / 30, i / 2});
  }
  for (int i = 0; i < 40; ++i) profile.update_ids.push_back(StrCat("0123456789abcdef", i));
  return profile;
}

Profile Deleted() {
  Profile profile;
  profile.user_id = "u1";
  profile.epoch = 4;
  return profile;
}

int Run(const std::string& folder) {
  ProfileCodecScratch scratch;
  const auto write = [&](const char* name, int mode, const std::string& bytes) {
    WriteFile(StrCat(folder, "/", name), std::string(1, static_cast<char>(mode)) + bytes);
  };
  const auto value = [&](const Profile& profile) {
    std::string bytes;
    EncodeProfile(profile, &scratch, &bytes);
    return bytes;
  };
  const auto message = [&](const Profile& profile) { return value(profile).substr(kValueHeaderBytes); };
  write("small_value", kSmall, value(Small()));
  write("large_value", kLarge, value(Large()));
  write("deleted_value", 0, value(Deleted()));
  write("small_framed", kFramed | kSmall, message(Small()));
  write("large_framed", kFramed | kSmall, message(Large()));
  write("large_framed_wide", kFramed | kLarge, message(Large()));
  write("deleted_framed", kFramed, message(Deleted()));
  Profile crossed = Small();
  crossed.user_id = "u2";
  write("crossed_value", 0, value(crossed));
  write("crossed_framed", kFramed, message(crossed));
  write("cut_value", 0, value(Small()).substr(0, 50));
  for (const auto& [name, profile] : {std::pair("old_small", Small()), {"old_large", Large()}}) {
    WriteRecord(profile, &scratch.record);
    write(name, kOldFramed | kSmall, scratch.record.SerializeAsString());
  }
  write("foreign", 0, "OK");
  write("empty", 0, "");
  return 0;
}

}  // namespace
}  // namespace kindred::testing

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_profile_corpus FOLDER\n");
    return 2;
  }
  return kindred::testing::Run(argv[1]);
}
