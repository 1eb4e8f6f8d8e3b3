#include "server/redis/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/redis/failure.h"
#include "tests/support/files.h"

namespace kindred::redis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Reply Text(Reply::Type type, std::string text) {
  Reply reply;
  reply.type = type;
  reply.text = std::move(text);
  return reply;
}
Reply Ok() { return Text(Reply::Type::kStatus, "OK"); }
Reply Error(std::string_view text) { return FailedReply(ClassifyError(text), text); }
Reply Role(std::string role) {
  Reply reply;
  reply.type = Reply::Type::kArray;
  reply.elements.push_back(Text(Reply::Type::kString, std::move(role)));
  return reply;
}

TEST(Handshake, AsksWhatItNeeds) {
  EXPECT_THAT(Handshake({}).commands(),
              ElementsAre(ElementsAre("CLIENT", "SETNAME", "kindred"), ElementsAre("INFO", "server")));
  EXPECT_THAT(Handshake({"", "secret", false, false}).commands()[0], ElementsAre("AUTH", "secret"));
  EXPECT_THAT(Handshake({"user", "secret", false, false}).commands()[0], ElementsAre("AUTH", "user", "secret"));
  EXPECT_THAT(Handshake({"", "", false, true}).commands().back(), ElementsAre("ROLE"));
}

TEST(Handshake, EndsWithTheRunId) {
  Handshake handshake({"", "secret", false, true});
  EXPECT_FALSE(handshake.TakeReply(Ok()));
  EXPECT_FALSE(handshake.TakeReply(Ok()));
  EXPECT_FALSE(
      handshake.TakeReply(Text(Reply::Type::kString, "# Server\r\nmy_run_id:no\r\nrun_id:0123abc\r\nport:1\r\n")));
  EXPECT_FALSE(handshake.done());
  EXPECT_FALSE(handshake.TakeReply(Role("master")));
  EXPECT_TRUE(handshake.done());
  EXPECT_EQ(handshake.run_id(), "0123abc");
}

TEST(Handshake, SaysWhyANodeCannotBeUsed) {
  const auto first = [](HandshakeOptions options, const Reply& reply) {
    return Handshake(std::move(options)).TakeReply(reply);
  };
  const auto wrong = first({"", "secret", false, false}, Error("WRONGPASS invalid username-password pair"));
  ASSERT_TRUE(wrong);
  EXPECT_EQ(wrong->failure, Failure::kNoAuth);
  EXPECT_THAT(wrong->text, HasSubstr("WRONGPASS"));
  const auto none =
      first({"", "secret", false, false}, Error("ERR AUTH <password> called without any password configured"));
  ASSERT_TRUE(none);
  EXPECT_EQ(none->failure, Failure::kNoAuth);
  const auto missing = first({}, Error("NOAUTH Authentication required."));
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->failure, Failure::kNoAuth);
}

TEST(Handshake, AReplicaIsNoMaster) {
  Handshake handshake({"", "", false, true});
  handshake.TakeReply(Ok());
  handshake.TakeReply(Ok());
  const auto problem = handshake.TakeReply(Role("slave"));
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->failure, Failure::kReadOnly);
  EXPECT_THAT(problem->text, HasSubstr("'slave'"));
}

TEST(Handshake, WhatAnAclForbidsIsDoneWithout) {
  Handshake handshake({"", "", false, true});
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(handshake.TakeReply(Error("NOPERM this user has no permissions")));
  EXPECT_TRUE(handshake.done());
  EXPECT_EQ(handshake.run_id(), "");
  Handshake sentinel({"", "secret", true, false});
  EXPECT_FALSE(sentinel.TakeReply(Error("ERR AUTH <password> called without any password configured")));
}

TEST(Handshake, ThePasswordIsTheFirstLine) {
  const kindred::testing::TempDir dir;
  const std::string path = dir.File("password");
  EXPECT_EQ(ReadPassword(path).status().code(), absl::StatusCode::kNotFound);
  kindred::testing::WriteFile(path, "");
  EXPECT_EQ(ReadPassword(path).status().code(), absl::StatusCode::kInvalidArgument);
  kindred::testing::WriteFile(path, "se cret\r\nsecond\n");
  EXPECT_EQ(*ReadPassword(path), "se cret");
  kindred::testing::WriteFile(path, "without end");
  EXPECT_EQ(*ReadPassword(path), "without end");
}

}  // namespace
}  // namespace kindred::redis
