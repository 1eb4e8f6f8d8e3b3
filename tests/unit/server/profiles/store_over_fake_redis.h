// A redis profile store over a Redis that does what a test wants, and what tests of it need to say.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/profiles/redis_profile_store.h"
#include "server/profiles/stored_profile.h"
#include "server/request_events.h"
#include "tests/support/files.h"
#include "tests/unit/server/profiles/fake_redis.h"

namespace kindred::testing {

// Whether `condition` comes true before long.
inline bool Soon(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline Profile ProfileOf(const std::string& user_id, uint64_t version, const std::vector<std::string>& items) {
  Profile profile;
  profile.user_id = user_id;
  profile.version = version;
  profile.updated_ms = NowMs();
  for (size_t i = 0; i < items.size(); ++i) {
    const auto origin = static_cast<uint32_t>(std::hash<std::string>()(items[i]));
    profile.events.push_back({items[i], "view", static_cast<int64_t>(i + 1), 1.0, 0, origin});
  }
  return profile;
}

inline std::string ValueOf(const Profile& profile) {
  ProfileCodecScratch scratch;
  std::string value;
  EncodeStored(profile, &scratch, &value);
  return value;
}

inline std::vector<std::string> ItemsOf(const Profile& profile) {
  std::vector<std::string> items;
  for (const Event& event : profile.events) items.push_back(event.item_id);
  return items;
}

class StoreOverFakeRedis : public ::testing::Test {
 protected:
  using Clock = std::chrono::steady_clock;

  StoreOverFakeRedis() {
    options_.canary_interval = {};
    options_.read_timeout = std::chrono::seconds(10);
    Open();
  }

  // As after a start of the process.
  void Open() {
    store_.reset();
    auto journal = ProfileJournal::Open(dir_.File("journal"), 1 << 20);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = journal->get();
    store_ = std::make_unique<RedisProfileStore>(&redis_, *std::move(journal), options_);
  }

  FetchedProfile Fetch(const std::string& user_id, uint64_t min_version = 0,
                       Clock::time_point deadline = Clock::time_point::max()) {
    FetchedProfile out;
    out.profile = ProfileOf("somebody else", 99, {"left over"});
    std::promise<void> told;
    FetchOptions options;
    options.min_version = min_version;
    options.deadline = deadline;
    if (!store_->Fetch(user_id, options, &out, [&] { told.set_value(); })) told.get_future().wait();
    return out;
  }
  absl::Status Commit(const Profile& profile) {
    const Profile* const one[] = {&profile};
    return store_->Commit(one);
  }
  Profile InRedis(const std::string& user_id) {
    ProfileCodecScratch scratch;
    Profile profile;
    DecodeProfile(user_id, redis_.Get("profile:" + user_id), &scratch, &profile);
    return profile;
  }
  bool Applied() {
    return Soon([&] { return store_->stats().backlog.load() == 0; });
  }

  TempDir dir_;
  FakeRedis redis_;
  RedisStoreOptions options_;
  ProfileJournal* journal_ = nullptr;
  std::unique_ptr<RedisProfileStore> store_;
};

}  // namespace kindred::testing
