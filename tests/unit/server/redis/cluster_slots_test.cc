#include "server/redis/cluster_slots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/redis/reply_reader.h"

namespace kindred::redis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Endpoint kAsked{"10.0.0.9", 7000};

Reply Parse(std::string_view bytes) {
  ReplyReader reader;
  reader.Feed(bytes);
  return reader.Next().value_or(Reply());
}

TEST(ClusterSlots, MastersAreRead) {
  const Reply reply = Parse(
      "*4\r\n"
      "*4\r\n:0\r\n:5460\r\n*4\r\n$8\r\n10.0.0.1\r\n:7001\r\n$2\r\nid\r\n*0\r\n*3\r\n$8\r\n10.0.0.4\r\n:7004\r\n$"
      "2\r\nid\r\n"
      "*3\r\n:5461\r\n:5461\r\n*3\r\n$0\r\n\r\n:7000\r\n$2\r\nid\r\n"     // does not know its address
      "*3\r\n:6000\r\n:6001\r\n*3\r\n$-1\r\n:7002\r\n$2\r\nid\r\n"        // the endpoint that was asked, another port
      "*3\r\n:7000\r\n:7001\r\n*3\r\n$1\r\n?\r\n:7002\r\n$2\r\nid\r\n");  // a name that is not set
  const auto ranges = ParseClusterSlots(reply, kAsked);
  ASSERT_TRUE(ranges.ok()) << ranges.status();
  EXPECT_THAT(*ranges, ElementsAre(SlotRange{0, 5460, {"10.0.0.1", 7001}}, SlotRange{5461, 5461, kAsked},
                                   SlotRange{6000, 6001, {"10.0.0.9", 7002}}));
}

TEST(ClusterSlots, AClusterWithoutSlotsIsEmpty) {
  const auto ranges = ParseClusterSlots(Parse("*0\r\n"), kAsked);
  ASSERT_TRUE(ranges.ok());
  EXPECT_TRUE(ranges->empty());
}

TEST(ClusterSlots, AnythingElseIsRefused) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"+OK\r\n", "no array"},
      {"$-1\r\n", "no array"},
      {"*1\r\n:1\r\n", "fewer than three"},
      {"*1\r\n*2\r\n:0\r\n:1\r\n", "fewer than three"},
      {"*1\r\n*3\r\n:5\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n", "a range from 5 to 4"},
      {"*1\r\n*3\r\n:-1\r\n:4\r\n*2\r\n$1\r\na\r\n:1\r\n", "a range from -1"},
      {"*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n", "a range from 0 to 16384"},
      {"*1\r\n*3\r\n+0\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", "a range from"},
      {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:70000\r\n", "without a port"},
      {"*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n", "without a port"},
      {"*1\r\n*3\r\n:0\r\n:1\r\n$1\r\na\r\n", "without a port"},
      {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:9\r\n:1\r\n", "host is no string"},
      {"*2\r\n*3\r\n:0\r\n:9\r\n*2\r\n$1\r\na\r\n:1\r\n*3\r\n:9\r\n:12\r\n*2\r\n$1\r\nb\r\n:1\r\n", "slot 9 twice"},
  };
  for (const auto& [bytes, problem] : cases) {
    const auto ranges = ParseClusterSlots(Parse(bytes), kAsked);
    ASSERT_FALSE(ranges.ok()) << bytes;
    EXPECT_THAT(ranges.status().ToString(), HasSubstr(std::string(problem))) << bytes;
  }
}

}  // namespace
}  // namespace kindred::redis
