// A node whose server misbehaves: hostile and error replies, resets, slowness.
#include "server/redis/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>

#include "core/base/str_cat.h"
#include "server/redis/redis_client.h"
#include "tests/unit/server/redis/client_calls.h"
#include "tests/unit/server/redis/fake_server.h"

namespace kindred::redis {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Arguments = FakeServer::Arguments;

std::unique_ptr<RedisClient> Make(const FakeServer& server, uint32_t connections = 2) {
  ClientOptions options;
  options.endpoints = {server.endpoint()};
  options.connections_per_node = connections;
  options.connect_timeout = milliseconds(5000);
  auto client = RedisClient::Create(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

// Answers PING, ECHO and GET as Redis does.
void AnswerSanely(FakeConnection& connection, const Arguments& command) {
  if (command[0] == "PING") return connection.Write("+PONG\r\n");
  connection.Write(Bulk(command.size() > 1 ? command[1] : ""));
}

// Zeros until the client's thread has begun.
NodeStats Stats(const RedisClient& client) {
  const ClientStats stats = client.stats();
  return stats.nodes.empty() ? NodeStats() : stats.nodes[0];
}

size_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

TEST(Node, HostileRepliesEndTheConnectionAndTakeNoMemory) {
  std::string deep;
  for (int i = 0; i < 10; ++i) deep += "*1\r\n";
  const std::string hostile[] = {"*1000000000\r\n", "$9223372036854775807\r\n", "%1\r\n+a\r\n+b\r\n", deep,
                                 "garbage",         std::string("\0\0\0\0", 4)};
  for (const std::string& bytes : hostile) {
    const FakeServer server([&](FakeConnection& connection, const Arguments& command) {
      if (command[0] == "GET") return connection.Write(bytes);
      AnswerSanely(connection, command);
    });
    const auto client = Make(server);
    ASSERT_TRUE(Call(*client, {"ECHO", "a"}).ok());
    const size_t before = ResidentBytes();
    const Reply reply = Call(*client, {"GET", "k"});
    EXPECT_EQ(reply.failure, Failure::kProtocol) << bytes;
    EXPECT_NE(reply.text, "");
    EXPECT_LE(ResidentBytes(), before + (16 << 20)) << bytes;
    EXPECT_EQ(Stats(*client).protocol_errors, 1u);
    EXPECT_TRUE(Eventually([&] { return Call(*client, {"ECHO", "b"}).text == "b"; })) << bytes;
  }
}

TEST(Node, AReplyThatNobodyAskedForEndsTheConnection) {
  const FakeServer server([](FakeConnection& connection, const Arguments& command) {
    AnswerSanely(connection, command);
    if (command[0] == "GET") connection.Write("+surplus\r\n");
  });
  const auto client = Make(server, 1);
  EXPECT_EQ(Call(*client, {"GET", "k"}).text, "k");
  EXPECT_TRUE(Eventually([&] { return Stats(*client).protocol_errors == 1; }));
  // Nobody was given it.
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"ECHO", "a"}, milliseconds(1000)).text == "a"; }));
}

TEST(Node, ErrorRepliesAreTypedAndSayThatItLives) {
  const FakeServer server([](FakeConnection& connection, const Arguments& command) {
    if (command[0] == "GET") return connection.Write(StrCat("-", command[1], "\r\n"));
    AnswerSanely(connection, command);
  });
  const auto client = Make(server);
  const std::pair<std::string, Failure> cases[] = {{"MOVED 3999 127.0.0.1:1", Failure::kMoved},
                                                   {"ASK 3999 127.0.0.1:1", Failure::kAsk},
                                                   {"CLUSTERDOWN Hash slot", Failure::kClusterDown},
                                                   {"LOADING Redis", Failure::kLoading},
                                                   {"OOM command", Failure::kOutOfMemory},
                                                   {"READONLY You", Failure::kReadOnly},
                                                   {"NOAUTH Authentication", Failure::kNoAuth},
                                                   {"NOPERM this", Failure::kNoPermission},
                                                   {"MASTERDOWN Link", Failure::kMasterDown},
                                                   {"BUSY Redis", Failure::kBusy},
                                                   {"ERR what", Failure::kOther}};
  for (int round = 0; round < 10; ++round) {
    for (const auto& [text, failure] : cases) {
      const Reply reply = Call(*client, {"GET", text});
      EXPECT_EQ(reply.failure, failure) << text;
      EXPECT_EQ(reply.text, text);
    }
  }
  // TRYAGAIN is tried again until the time is over.
  EXPECT_TRUE(Call(*client, {"GET", "TRYAGAIN Multiple"}, milliseconds(40)).failure == Failure::kTryAgain ||
              Stats(*client).operations[static_cast<size_t>(Failure::kTimeout)] > 0);
  EXPECT_GE(Stats(*client).retries, 1u);
  EXPECT_EQ(Stats(*client).breaker, BreakerState::kClosed);
  EXPECT_EQ(Stats(*client).operations[static_cast<size_t>(Failure::kLoading)], 10u);
}

TEST(Node, AResetInTheMiddleOfAReplyIsRepeatedOnlyWhereThatIsAllowed) {
  std::atomic<int> gets{0};
  const FakeServer server([&](FakeConnection& connection, const Arguments& command) {
    if (command[0] == "GET" && gets.fetch_add(1) % 2 == 0) {
      connection.Write("$100\r\nhalf of it");
      return connection.Reset();
    }
    AnswerSanely(connection, command);
  });
  const auto client = Make(server);
  ASSERT_TRUE(Eventually([&] { return Stats(*client).connections == 2; }));
  EXPECT_EQ(Call(*client, {"GET", "k"}, kPatience, true).text, "k") << "on the other connection";
  EXPECT_EQ(Stats(*client).retries, 1u);
  ASSERT_TRUE(Eventually([&] { return Stats(*client).connections == 2; }));
  const Reply once = Call(*client, {"GET", "k"}, kPatience, false);
  EXPECT_EQ(once.failure, Failure::kConnection);
  EXPECT_EQ(gets.load(), 3);
  EXPECT_EQ(Stats(*client).connections_lost, 2u);
}

TEST(Node, ARepeatedCommandIsRepeatedOnce) {
  std::atomic<int> gets{0};
  const FakeServer server([&](FakeConnection& connection, const Arguments& command) {
    if (command[0] != "GET") return AnswerSanely(connection, command);
    gets.fetch_add(1);
    connection.Reset();
  });
  const auto client = Make(server);
  ASSERT_TRUE(Eventually([&] { return Stats(*client).connections == 2; }));
  EXPECT_EQ(Call(*client, {"GET", "k"}, kPatience, true).failure, Failure::kConnection);
  EXPECT_EQ(gets.load(), 2);
}

TEST(Node, OneByteEveryHundredMillisecondsIsATimeoutAndThenLate) {
  std::atomic<bool> slow{true};
  const FakeServer server([&](FakeConnection& connection, const Arguments& command) {
    if (command[0] != "GET" || !slow) return AnswerSanely(connection, command);
    for (const char c : Bulk(command[1])) {
      connection.Write({&c, 1});
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  const auto client = Make(server, 1);
  ASSERT_TRUE(Call(*client, {"ECHO", "a"}).ok());
  EXPECT_EQ(Call(*client, {"GET", "first"}, milliseconds(5)).failure, Failure::kTimeout);
  EXPECT_TRUE(Eventually([&] { return Stats(*client).connections_late == 1; }));
  slow = false;
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"GET", "second"}, milliseconds(1000)).text == "second"; }));
}

TEST(Node, ALateReplyIsDroppedAndTheNextOneIsTheNexts) {
  std::atomic<bool> go{false};
  const FakeServer server([&](FakeConnection& connection, const Arguments& command) {
    if (command[0] == "GET") {
      while (!go.load()) std::this_thread::sleep_for(milliseconds(1));
    }
    AnswerSanely(connection, command);
  });
  const auto client = Make(server, 1);
  ASSERT_TRUE(Call(*client, {"ECHO", "a"}).ok());
  auto late = Post(*client, {"GET", "late"}, milliseconds(20));
  auto patient = Post(*client, {"ECHO", "patient"});
  EXPECT_EQ(late.get().failure, Failure::kTimeout);
  go = true;
  // On a machine that is very busy the connection may be 50 ms late by now; then it was closed, which is as good.
  const Reply reply = patient.get();
  if (reply.ok()) {
    EXPECT_EQ(reply.text, "patient");
    EXPECT_EQ(Stats(*client).late_replies, 1u);
  } else {
    EXPECT_EQ(Stats(*client).connections_late, 1u);
  }
}

TEST(Node, AServerThatIsLoadingIsNotTakenForWell) {
  std::atomic<bool> loading{true};
  const FakeServer server([&](FakeConnection& connection, const Arguments& command) {
    if (!loading) return AnswerSanely(connection, command);
    if (command[0] == "PING") connection.Write("-LOADING Redis is loading the dataset in memory\r\n");
  });
  ClientOptions options;
  options.endpoints = {server.endpoint()};
  options.connect_timeout = milliseconds(5000);
  options.breaker.consecutive_timeouts = 1;
  auto made = RedisClient::Create(std::move(options));
  ASSERT_TRUE(made.ok()) << made.status();
  RedisClient& client = **made;
  // Whatever it does with other commands, its breaker opens by this one, and PING decides from then on.
  EXPECT_EQ(Call(client, {"GET", "k"}, milliseconds(100)).failure, Failure::kTimeout);
  const auto transitions = [&](BreakerState state) { return Stats(client).transitions[static_cast<size_t>(state)]; };
  EXPECT_TRUE(Eventually([&] { return transitions(BreakerState::kHalfOpen) >= 2; }));
  EXPECT_EQ(transitions(BreakerState::kClosed), 0u);
  const Reply refused = Call(client, {"GET", "k"});
  EXPECT_EQ(refused.failure, Failure::kBreakerOpen);
  EXPECT_THAT(refused.text, HasSubstr("LOADING"));
  loading = false;
  EXPECT_TRUE(Eventually([&] { return Call(client, {"GET", "k"}, milliseconds(1000)).text == "k"; }));
  EXPECT_EQ(transitions(BreakerState::kClosed), 1u);
}

TEST(Node, NoMoreThanTwoConnectsInASecond) {
  const FakeServer server([](FakeConnection& connection, const Arguments&) { connection.Reset(); });
  const auto start = std::chrono::steady_clock::now();
  const auto client = Make(server);
  EXPECT_TRUE(Eventually([&] {
    Call(*client, {"GET", "k"}, milliseconds(5));
    return server.connections() >= 5;
  }));
  const auto elapsed = std::chrono::steady_clock::now() - start;
  // Two at once, two a second later, the fifth in the third second: a lower bound, so a busy machine cannot break it.
  EXPECT_GE(elapsed, std::chrono::seconds(2));
}

TEST(Node, WithoutARunIdEveryGapMeansAnotherServer) {
  FakeServer server(AnswerSanely);
  server.set_run_id("");
  const auto client = Make(server, 1);
  std::atomic<int> calls{0};
  client->set_on_new_server([&](std::string_view, std::string_view run_id) {
    EXPECT_EQ(run_id, "");
    calls.fetch_add(1);
  });
  EXPECT_TRUE(Call(*client, {"GET", "k"}).ok());
  EXPECT_TRUE(Eventually([&] { return calls.load() >= 1; }));
}

}  // namespace
}  // namespace kindred::redis
