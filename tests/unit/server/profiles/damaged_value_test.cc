// Values in Redis that are no profile of their user.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/server/profiles/store_over_fake_redis.h"

namespace kindred {
namespace {

using testing::ProfileOf;
using testing::Soon;
using testing::ValueOf;

using RedisProfileStoreTest = testing::StoreOverFakeRedis;

struct Damage {
  const char* name;
  Corruption reason;
  std::string value;  // empty: another type
};

class DamagedValueTest : public RedisProfileStoreTest, public ::testing::WithParamInterface<int> {
 protected:
  static std::vector<Damage> All() {
    std::string damaged = ValueOf(ProfileOf("u", 3, {"a"}));
    damaged[damaged.size() - 1] = static_cast<char>(damaged.back() ^ 1);
    return {{"foreign", Corruption::kMagic, "something else, and long enough"},
            {"short", Corruption::kMagic, "x"},
            {"damaged", Corruption::kChecksum, damaged},
            {"truncated", Corruption::kChecksum, damaged.substr(0, 12)},
            {"crossed", Corruption::kCrossed, ValueOf(ProfileOf("v", 3, {"secret"}))},
            {"huge", Corruption::kTooLarge, std::string(10 << 20, 'x')},
            {"type", Corruption::kMagic, ""}};
  }
  void Put(const Damage& damage) {
    damage.value.empty() ? redis_.SetOtherType("profile:u") : redis_.Set("profile:u", damage.value);
  }
};

TEST_P(DamagedValueTest, IsAMissAndIsRepairedFromTheJournal) {
  const Damage damage = All()[GetParam()];
  const Profile profile = ProfileOf("u", 4, {"a"});
  ASSERT_TRUE(Commit(profile).ok());
  ASSERT_TRUE(Applied());
  options_.near_ttl = std::chrono::milliseconds(0);
  Open();
  Put(damage);
  const FetchedProfile fetched = Fetch("u");
  EXPECT_TRUE(fetched.status.ok());
  EXPECT_EQ(fetched.profile, profile);
  EXPECT_GE(store_->stats().corrupt[static_cast<size_t>(damage.reason)].load(), 1u);
  EXPECT_TRUE(Soon([&] { return InRedis("u") == profile; }));
  EXPECT_TRUE(Applied());
  EXPECT_EQ(store_->stats().repairs.load(), 1u);
}

TEST_P(DamagedValueTest, IsDeletedWhenTheJournalHasNothing) {
  const Damage damage = All()[GetParam()];
  Put(damage);
  const FetchedProfile fetched = Fetch("u");
  EXPECT_TRUE(fetched.status.ok());
  EXPECT_EQ(fetched.profile, Profile());
  EXPECT_EQ(store_->stats().corrupt[static_cast<size_t>(damage.reason)].load(), 1u);
  EXPECT_TRUE(Soon([&] { return redis_.TtlOf("profile:u") == -2; }));
  EXPECT_TRUE(Soon([&] { return store_->stats().repairs.load() == 1; }));
}

TEST_P(DamagedValueTest, IsWrittenOverByACommit) {
  Put(All()[GetParam()]);
  const Profile profile = ProfileOf("u", 1, {"a"});
  ASSERT_TRUE(Commit(profile).ok());
  ASSERT_TRUE(Applied());
  EXPECT_EQ(InRedis("u"), profile);
  EXPECT_EQ(store_->stats().repairs.load(), 1u);
}

std::string DamageName(const ::testing::TestParamInfo<int>& info) {
  const char* const names[] = {"foreign", "short", "damaged", "truncated", "crossed", "huge", "type"};
  return names[info.param];
}

INSTANTIATE_TEST_SUITE_P(All, DamagedValueTest, ::testing::Range(0, 7), DamageName);

}  // namespace
}  // namespace kindred
