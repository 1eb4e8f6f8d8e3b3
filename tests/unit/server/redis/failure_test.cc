#include "server/redis/failure.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace kindred::redis {
namespace {

TEST(Failure, EveryOneHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kFailures; ++i) EXPECT_TRUE(names.insert(FailureName(static_cast<Failure>(i))).second) << i;
  EXPECT_FALSE(names.contains(""));
  EXPECT_EQ(FailureName(Failure::kNone), "ok");
  EXPECT_EQ(FailureName(Failure::kTimeout), "timeout");
  EXPECT_EQ(FailureName(Failure::kBreakerOpen), "breaker_open");
  EXPECT_EQ(FailureName(Failure::kNoPermission), "no_perm");
  EXPECT_EQ(FailureName(Failure::kOther), "other");
}

TEST(Failure, ErrorRepliesAreToldByTheirFirstWord) {
  const std::pair<std::string_view, Failure> cases[] = {
      {"OOM command not allowed when used memory > 'maxmemory'.", Failure::kOutOfMemory},
      {"LOADING Redis is loading the dataset in memory", Failure::kLoading},
      {"READONLY You can't write against a read only replica.", Failure::kReadOnly},
      {"NOAUTH Authentication required.", Failure::kNoAuth},
      {"WRONGPASS invalid username-password pair or user is disabled.", Failure::kNoAuth},
      {"NOPERM this user has no permissions", Failure::kNoPermission},
      {"MOVED 3999 127.0.0.1:6381", Failure::kMoved},
      {"ASK 3999 127.0.0.1:6381", Failure::kAsk},
      {"TRYAGAIN Multiple keys request during rehashing of slot", Failure::kTryAgain},
      {"CLUSTERDOWN The cluster is down", Failure::kClusterDown},
      {"MASTERDOWN Link with MASTER is down", Failure::kMasterDown},
      {"NOSCRIPT No matching script.", Failure::kNoScript},
      {"BUSY Redis is busy running a script.", Failure::kBusy},
      {"BUSYGROUP Consumer Group name already exists", Failure::kOther},
      {"ERR unknown command", Failure::kOther},
      {"ASK", Failure::kAsk},
      {"", Failure::kOther},
  };
  for (const auto& [text, failure] : cases) {
    EXPECT_EQ(ClassifyError(text), failure) << text;
    EXPECT_TRUE(IsErrorReply(failure)) << text;
  }
  EXPECT_FALSE(IsErrorReply(Failure::kTimeout));
  EXPECT_FALSE(IsErrorReply(Failure::kProtocol));
}

}  // namespace
}  // namespace kindred::redis
