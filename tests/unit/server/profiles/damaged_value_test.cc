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
  std::string value;
  bool is_string = true;
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
            {"empty", Corruption::kMagic, ""},
            {"type", Corruption::kMagic, "", false}};
  }
  void Put(const Damage& damage) {
    damage.is_string ? redis_.Set("profile:u", damage.value) : redis_.SetOtherType("profile:u");
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
  EXPECT_TRUE(Soon([&] { return store_->stats().corrupt[static_cast<size_t>(damage.reason)].load() >= 1; }));
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
  EXPECT_TRUE(Soon([&] { return store_->stats().corrupt[static_cast<size_t>(damage.reason)].load() == 1; }));
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

TEST_F(RedisProfileStoreTest, EveryChangedByteAndEveryLengthIsAMissThatIsCounted) {
  const std::string whole = ValueOf(ProfileOf("u", 3, {"a", "b", "c"}));
  std::vector<std::string> damaged;
  for (size_t place = 0; place < whole.size(); ++place) {
    damaged.push_back(whole.substr(0, place));
    damaged.push_back(whole);
    damaged.back()[place] = static_cast<char>(whole[place] ^ (1 << place % 8));
  }
  options_.negative_ttl = std::chrono::milliseconds(0);
  Open();
  for (size_t i = 0; i < damaged.size(); ++i) {
    redis_.Set("profile:u", damaged[i]);
    EXPECT_EQ(Fetch("u").profile, Profile()) << i;
    EXPECT_TRUE(Soon([&] { return store_->stats().repairs.load() == i + 1; })) << i;
    EXPECT_TRUE(Soon([&] { return store_->stats().corrupt_total() == i + 1; })) << i;
  }
  EXPECT_EQ(Fetch("u").profile, Profile());
  EXPECT_EQ(store_->stats().corrupt_total(), damaged.size()) << "none is no damage";
}

std::string DamageName(const ::testing::TestParamInfo<int>& info) {
  const char* const names[] = {"foreign", "short", "damaged", "truncated", "crossed", "huge", "empty", "type"};
  return names[info.param];
}

INSTANTIATE_TEST_SUITE_P(All, DamagedValueTest, ::testing::Range(0, 8), DamageName);

}  // namespace
}  // namespace kindred
