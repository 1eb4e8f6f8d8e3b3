#include "server/profiles/redis_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <utility>

#include "tests/unit/server/profiles/store_over_fake_redis.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using testing::ProfileOf;
using testing::ValueOf;

// Answers every SCAN with the same cursor and keys, and every other command with `value`, or not at all.
class OddRedis final : public redis::Client {
 public:
  void Execute(redis::Command command, std::chrono::steady_clock::time_point deadline, Done done) override {
    ++commands;
    redis::Reply reply;
    if (command.arguments[0] == "SCAN") {
      reply.type = redis::Reply::Type::kArray;
      reply.elements.resize(2);
      reply.elements[0].text = cursor;
      for (const std::string& key : keys) reply.elements[1].elements.emplace_back().text = key;
    } else {
      if (silent) return kept.push_back(std::move(done));
      reply.type = redis::Reply::Type::kString;
      reply.text = value;
    }
    done(std::move(reply));
  }

  std::string cursor = "0";
  std::vector<std::string> keys;
  std::string value;
  bool silent = false;
  std::atomic<int> commands{0};
  std::vector<Done> kept;
};

bool Always() { return true; }

TEST(RedisScan, KeysThatWereNotAskedForAreLeftOut) {
  OddRedis redis;
  redis.keys = {"x", "", "profile", "profilf:ann", "profile:ann"};
  redis.value = ValueOf(ProfileOf("ann", 3, {"a"}));
  std::vector<std::string> users;
  const absl::Status status = ScanProfiles(&redis, "profile:", Always, [&](Profile& profile) {
    users.push_back(profile.user_id);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(users, ElementsAre("ann"));
  EXPECT_EQ(redis.commands.load(), 2);
}

TEST(RedisScan, OneThatHasNoEndIsGivenUp) {
  OddRedis redis;
  redis.cursor = "17";
  redis.keys = {"profile:ann"};  // no profile
  const absl::Status status = ScanProfiles(
      &redis, "profile:", [&] { return redis.commands.load() < 100; }, [](Profile&) { return true; });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(redis.commands.load(), 100);
}

TEST(RedisScan, OneOfMoreStepsThanAnyTableHasIsAnError) {
  OddRedis redis;
  redis.cursor = "17";
  redis.keys = {"profile:ann"};
  redis.value = ValueOf(ProfileOf("ann", 3, {"a"}));
  int seen = 0;
  const absl::Status status = ScanProfiles(
      &redis, "profile:", Always, [&](Profile&) { return ++seen > 0; }, 50);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("SCAN has not ended after 50 steps"));
  EXPECT_EQ(redis.commands.load(), 100);  // a SCAN and a value each
  EXPECT_EQ(seen, 50) << "what was there was visited";
  // The last step of a scan that ends there is none too many.
  redis.cursor = "0";
  EXPECT_TRUE(ScanProfiles(
                  &redis, "profile:", Always, [](Profile&) { return true; }, 1)
                  .ok());
}

TEST(RedisScan, AReplyThatDoesNotComeIsGivenUp) {
  OddRedis redis;
  redis.keys = {"profile:ann"};
  redis.silent = true;
  int asked = 0;
  const absl::Status status = ScanProfiles(
      &redis, "profile:", [&] { return ++asked < 5; }, [](Profile&) { return true; });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(asked, 5);
  // It may come later.
  for (const redis::Client::Done& done : redis.kept) done(redis::Reply());
}

}  // namespace
}  // namespace kindred
