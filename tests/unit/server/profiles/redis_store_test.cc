// The redis profile store over a real redis-server, two servers' stores at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "core/base/str_cat.h"
#include "server/profile_writer.h"
#include "server/profiles/redis_profile_store.h"
#include "server/profiles/redis_scripts.h"
#include "server/profiles/stored_profile.h"
#include "server/redis/redis_client.h"
#include "server/request_events.h"
#include "tests/support/files.h"
#include "tests/support/redis_process.h"

namespace kindred {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

bool Soon(const std::function<bool()>& condition) {
  const Clock::time_point end = Clock::now() + seconds(20);
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

// One server: client, store and writer.
class Replica {
 public:
  Replica(std::string name, std::string endpoint, std::string folder, RedisStoreOptions options = {})
      : name_(std::move(name)),
        endpoint_(std::move(endpoint)),
        folder_(std::move(folder)),
        options_(std::move(options)) {
    Start();
  }
  ~Replica() { Stop(); }

  void Start() {
    redis::ClientOptions client;
    client.endpoints = {endpoint_};
    auto created = redis::RedisClient::Create(client);
    ASSERT_TRUE(created.ok()) << created.status();
    client_ = *std::move(created);
    auto journal = ProfileJournal::Open(StrCat(folder_, "/", name_), 1 << 20);
    ASSERT_TRUE(journal.ok()) << journal.status();
    options_.server_id = name_;
    options_.servers_file = StrCat(folder_, "/", name_, ".servers");
    options_.read_timeout = seconds(2);
    options_.canary_interval = milliseconds(20);
    store_ = std::make_unique<RedisProfileStore>(client_.get(), *std::move(journal), options_);
    client_->set_on_new_server(
        [this](std::string_view node, std::string_view run_id) { store_->OnNewServer(node, run_id); });
    writer_ = std::make_unique<ProfileWriter>(store_.get(), ProfileWriterOptions());
  }
  void Stop() {
    writer_.reset();
    if (client_ != nullptr) client_->set_on_new_server(nullptr);
    store_.reset();
    client_.reset();
  }

  // Whether it was acknowledged.
  bool Update(const std::string& user_id, const std::string& update_id) {
    ProfileUpdate update;
    update.user_id = user_id;
    update.update_id = update_id;
    update.now_ms = NowMs();
    update.origin = static_cast<uint32_t>(std::hash<std::string>()(update_id) | 1);
    update.events = {{update_id, "view", update.now_ms, 1.0}};
    return Wait([&](ProfileWriter::Done done) { return writer_->Submit(std::move(update), std::move(done)); });
  }
  bool Delete(const std::string& user_id) {
    return Wait([&](ProfileWriter::Done done) { return writer_->SubmitDeletion(user_id, std::move(done)); });
  }
  FetchedProfile Fetch(const std::string& user_id) {
    FetchedProfile out;
    std::promise<void> told;
    if (!store_->Fetch(user_id, {}, &out, [&] { told.set_value(); })) told.get_future().wait();
    return out;
  }
  bool Drain() { return store_->Drain(Clock::now() + seconds(20)); }
  RedisProfileStore* store() { return store_.get(); }
  redis::Reply Ask(std::vector<std::string> arguments) {
    const auto answer = std::make_shared<std::promise<redis::Reply>>();
    client_->Execute({"", std::move(arguments), true}, Clock::now() + seconds(10),
                     [answer](redis::Reply reply) { answer->set_value(std::move(reply)); });
    return answer->get_future().get();
  }

 private:
  static bool Wait(const std::function<absl::Status(ProfileWriter::Done)>& submit) {
    const auto outcome = std::make_shared<std::promise<bool>>();
    if (!submit([outcome](const UpdateOutcome& one) { outcome->set_value(one.status.ok()); }).ok()) return false;
    return outcome->get_future().get();
  }

  const std::string name_, endpoint_, folder_;
  RedisStoreOptions options_;
  std::unique_ptr<redis::RedisClient> client_;
  std::unique_ptr<RedisProfileStore> store_;
  std::unique_ptr<ProfileWriter> writer_;
};

class RedisStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::RedisProcess::Installed()) GTEST_SKIP() << "redis-server is not installed";
    redis_ = std::make_unique<testing::RedisProcess>();
    options_.near_ttl = milliseconds(5);
    options_.negative_ttl = milliseconds(5);
    a_ = std::make_unique<Replica>("a", redis_->endpoint(), dir_.path(), options_);
    b_ = std::make_unique<Replica>("b", redis_->endpoint(), dir_.path(), options_);
  }

  Profile InRedis(const std::string& user_id) {
    ProfileCodecScratch scratch;
    Profile profile;
    DecodeProfile(user_id, a_->Ask({"GET", "profile:" + user_id}).text, &scratch, &profile);
    return profile;
  }
  // The updates in a profile, each as often as it is there.
  static std::multiset<std::string> UpdatesIn(const Profile& profile) {
    std::multiset<std::string> updates;
    for (const Event& event : profile.events) updates.insert(event.item_id);
    return updates;
  }
  // Updates from two threads a replica, some at both; what was acknowledged, by user. `meanwhile` runs beside them.
  std::map<std::string, std::multiset<std::string>> UpdateMuch(const std::string& name,
                                                               const std::function<void()>& meanwhile) {
    constexpr int kUsers = 20, kUpdates = 30;
    std::map<std::string, std::multiset<std::string>> acknowledged;
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t);
        for (int i = 0; i < kUpdates * kUsers / 4; ++i) {
          const std::string user = StrCat("user", random() % kUsers), update = StrCat(name, "-", t, "-", i);
          Replica* first = t % 2 == 0 ? a_.get() : b_.get();
          Replica* second = t % 2 == 0 ? b_.get() : a_.get();
          bool good = first->Update(user, update);
          // As a client that heard nothing would.
          if (random() % 3 == 0) good = second->Update(user, update) || good;
          if (!good) continue;
          const std::lock_guard lock(mutex);
          acknowledged[user].insert(update);
        }
      });
    }
    meanwhile();
    for (std::thread& thread : threads) thread.join();
    return acknowledged;
  }
  // Until both replicas and Redis agree: a replica learns what it lacks when it reads or writes.
  void ExpectAll(const std::map<std::string, std::multiset<std::string>>& acknowledged) {
    EXPECT_TRUE(a_->Drain());
    EXPECT_TRUE(b_->Drain());
    for (const auto& [user, updates] : acknowledged) {
      EXPECT_TRUE(Soon([&] { return UpdatesIn(a_->Fetch(user).profile) == updates; })) << user;
      EXPECT_TRUE(Soon([&] { return UpdatesIn(b_->Fetch(user).profile) == updates; })) << user;
      EXPECT_TRUE(Soon([&] { return UpdatesIn(InRedis(user)) == updates; })) << user;
    }
  }

  testing::TempDir dir_;
  RedisStoreOptions options_;
  std::unique_ptr<testing::RedisProcess> redis_;
  std::unique_ptr<Replica> a_, b_;
};

TEST_F(RedisStoreTest, RedisKnowsTheScriptsByTheSumsThatAreWrittenDown) {
  for (const RedisScript* script : {&kApplyScript, &kDeleteScript}) {
    EXPECT_EQ(a_->Ask({"SCRIPT", "LOAD", std::string(script->text)}).text, script->sha1);
  }
}

TEST_F(RedisStoreTest, WhatOneReplicaWritesTheOtherReads) {
  ASSERT_TRUE(a_->Update("u", "first"));
  ASSERT_TRUE(a_->Drain());
  EXPECT_EQ(UpdatesIn(b_->Fetch("u").profile).count("first"), 1u);
  ASSERT_TRUE(b_->Update("u", "second"));
  ASSERT_TRUE(b_->Drain());
  EXPECT_TRUE(Soon([&] { return a_->Fetch("u").profile.events.size() == 2; }));
  EXPECT_EQ(InRedis("u").version, 2u);
  const int64_t ttl_ms = a_->Ask({"PTTL", "profile:u"}).integer;
  EXPECT_GE(ttl_ms, options_.ttl.count() * 9 / 10 - 60'000);
  EXPECT_LE(ttl_ms, options_.ttl.count() * 11 / 10);
}

TEST_F(RedisStoreTest, NothingIsLostOrDoubledWhenTwoReplicasChangeTheSameUsers) {
  ExpectAll(UpdateMuch("x", [] {}));
}

TEST_F(RedisStoreTest, ARedisThatIsKilledAgainAndAgainLosesNothing) {
  ExpectAll(UpdateMuch("x", [&] {
    for (int i = 0; i < 5; ++i) {
      const uint64_t applied = a_->store()->stats().applied.load();
      Soon([&] { return a_->store()->stats().applied.load() > applied + 5; });
      redis_->Kill();
      redis_->Start();
    }
  }));
}

TEST_F(RedisStoreTest, ARedisThatIsEmptiedLosesNothing) {
  ExpectAll(UpdateMuch("x", [&] {
    for (int i = 0; i < 5; ++i) {
      const uint64_t applied = a_->store()->stats().applied.load();
      Soon([&] { return a_->store()->stats().applied.load() > applied + 5; });
      EXPECT_TRUE(a_->Ask({"FLUSHALL"}).ok());
    }
  }));
}

TEST_F(RedisStoreTest, AReplicaThatEndsAndStartsAgainLosesNothing) {
  auto acknowledged = UpdateMuch("x", [] {});
  redis_->Kill();
  for (int i = 0; i < 20; ++i) {
    const std::string user = StrCat("user", i), update = StrCat("alone-", i);
    ASSERT_TRUE(a_->Update(user, update));
    acknowledged[user].insert(update);
  }
  a_->Stop();
  redis_->Start();
  a_->Start();
  ExpectAll(acknowledged);
}

TEST_F(RedisStoreTest, AReplicaThatWasAwayDoesNotBringBackWhatWasDeleted) {
  for (const bool redis_restarts : {false, true}) {
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(a_->Update(StrCat("user", i), "old"));
      ASSERT_TRUE(b_->Update(StrCat("user", i), "old too"));
    }
    ASSERT_TRUE(a_->Drain());
    ASSERT_TRUE(b_->Drain());
    b_->Stop();
    // The replica that deletes knows what Redis has, as one that is asked to delete a user does.
    for (int i = 0; i < 10; ++i) {
      a_->Fetch(StrCat("user", i));
      ASSERT_TRUE(a_->Delete(StrCat("user", i)));
    }
    ASSERT_TRUE(a_->Drain());
    if (redis_restarts) {
      // The one that was away is the first to write.
      a_->Stop();
      redis_->Kill();
      redis_->Start();
      b_->Start();
      ASSERT_TRUE(Soon([&] { return b_->store()->stats().replays.load() == 10; }));
      ASSERT_TRUE(b_->Drain());
      a_->Start();
      ASSERT_TRUE(Soon([&] { return a_->store()->stats().new_servers.load() == 1; }));
      ASSERT_TRUE(a_->Drain());
    } else {
      b_->Start();
      ASSERT_TRUE(b_->Drain());
    }
    for (int i = 0; i < 10; ++i) {
      const std::string user = StrCat("user", i);
      EXPECT_TRUE(Soon([&] { return b_->Fetch(user).profile.version == 0; })) << i;
      EXPECT_TRUE(Soon([&] { return a_->Fetch(user).profile.version == 0; })) << i;
      EXPECT_EQ(InRedis(user).version, 0u);
      EXPECT_EQ(InRedis(user).epoch, redis_restarts ? 2u : 1u);
    }
  }
}

TEST_F(RedisStoreTest, DamagedValuesAreRepaired) {
  ASSERT_TRUE(a_->Update("u", "one"));
  ASSERT_TRUE(a_->Update("v", "another"));
  ASSERT_TRUE(a_->Drain());
  const std::string sound = a_->Ask({"GET", "profile:u"}).text;
  std::vector<std::string> values = {"foreign", "", std::string(10 << 20, 'x'), a_->Ask({"GET", "profile:v"}).text};
  for (size_t i = 0; i < sound.size(); i += 7) {
    values.push_back(sound);
    values.back()[i] = static_cast<char>(values.back()[i] ^ 4);
  }
  for (const std::string& value : values) {
    ASSERT_TRUE(a_->Ask({"SET", "profile:u", value}).ok());
    EXPECT_TRUE(Soon([&] {
      const Profile read = a_->Fetch("u").profile;
      EXPECT_EQ(UpdatesIn(read), std::multiset<std::string>{"one"});
      return a_->Ask({"GET", "profile:u"}).text == sound;
    }));
    EXPECT_TRUE(a_->Drain());
  }
  ASSERT_TRUE(a_->Ask({"DEL", "profile:u"}).ok());
  ASSERT_TRUE(a_->Ask({"HSET", "profile:u", "field", "value"}).ok());
  EXPECT_TRUE(Soon([&] { return UpdatesIn(a_->Fetch("u").profile).size() == 1 && InRedis("u").version == 1; }));
  // Of nobody: it goes.
  ASSERT_TRUE(a_->Ask({"SET", "profile:w", "foreign"}).ok());
  EXPECT_EQ(b_->Fetch("w").profile, Profile());
  EXPECT_TRUE(Soon([&] { return a_->Ask({"EXISTS", "profile:w"}).integer == 0; }));
}

TEST_F(RedisStoreTest, TenThousandReadersOfAColdUserCostTwoCommandsAtMost) {
  ASSERT_TRUE(a_->Update("cold", "x"));
  ASSERT_TRUE(a_->Drain());
  options_.near_ttl = seconds(60);
  b_ = nullptr;
  b_ = std::make_unique<Replica>("b", redis_->endpoint(), dir_.path(), options_);
  b_->Fetch("somebody else");  // connects
  ASSERT_TRUE(a_->Ask({"CONFIG", "RESETSTAT"}).ok());
  constexpr int kReaders = 10'000;
  std::vector<FetchedProfile> out(kReaders);
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < kReaders; i += 4) told += b_->store()->Fetch("cold", {}, &out[i], [&] { ++told; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(Soon([&] { return told.load() == kReaders; }));
  for (const FetchedProfile& one : out) {
    EXPECT_TRUE(one.status.ok());
    EXPECT_EQ(one.profile.version, 1u);
  }
  const std::string stats = a_->Ask({"INFO", "commandstats"}).text;
  const size_t at = stats.find("cmdstat_getrange:calls=");
  ASSERT_NE(at, std::string::npos) << stats;
  EXPECT_LE(std::stoi(stats.substr(at + 23)), 2);
}

TEST_F(RedisStoreTest, AllProfilesCanBeListed) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(a_->Update(StrCat("user", i), "x"));
  ASSERT_TRUE(a_->Drain());
  std::multiset<std::string> users;
  EXPECT_TRUE(b_->store()
                  ->ForEach([&](const Profile& profile) {
                    users.insert(profile.user_id);
                    return true;
                  })
                  .ok());
  EXPECT_EQ(users.size(), 300u);
  EXPECT_EQ(std::set<std::string>(users.begin(), users.end()).size(), 300u);
}

}  // namespace
}  // namespace kindred
