#include "server/redis/sentinel_router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "core/base/str_cat.h"
#include "server/redis/redis_client.h"
#include "tests/support/redis_process.h"
#include "tests/unit/server/redis/client_calls.h"
#include "tests/unit/server/redis/fake_server.h"

namespace kindred::redis {
namespace {

using kindred::testing::RedisProcess;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Arguments = FakeServer::Arguments;

// A Sentinel that names what it is told.
class FakeSentinel {
 public:
  explicit FakeSentinel(uint16_t port) : port_(port) {}

  void set_master(uint16_t port) { port_ = port; }
  uint16_t port() const { return server_.port(); }
  std::string endpoint() const { return server_.endpoint(); }

 private:
  void Answer(FakeConnection& connection, const Arguments& command) {
    if (command[0] == "PING") return connection.Write("+PONG\r\n");
    if (command[0] != "SENTINEL" || command.at(2) != "mymaster") return connection.Write("*-1\r\n");
    connection.Write(StrCat("*2\r\n", Bulk("127.0.0.1"), Bulk(StrCat(port_.load()))));
  }

  std::atomic<uint16_t> port_;
  FakeServer server_{[this](FakeConnection& connection, const Arguments& command) { Answer(connection, command); }};
};

FakeServer::Handler Named(const std::string& name) {
  return [name](FakeConnection& connection, const Arguments& command) {
    if (command[0] == "PING") return connection.Write("+PONG\r\n");
    connection.Write(command[0] == "SET" && name == "demoted" ? "-READONLY You can't write\r\n" : Bulk(name));
  };
}

std::unique_ptr<RedisClient> Make(std::vector<std::string> sentinels, const std::string& master = "mymaster") {
  ClientOptions options;
  options.endpoints = std::move(sentinels);
  options.mode = Mode::kSentinel;
  options.sentinel_master = master;
  options.connect_timeout = milliseconds(2000);
  auto client = RedisClient::Create(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

bool Answers(RedisClient& client, const std::string& name) {
  return Eventually([&] { return Call(client, {"GET", "k"}, milliseconds(1000)).text == name; });
}

TEST(SentinelRouter, CommandsGoToTheMasterThatIsNamed) {
  const FakeServer master(Named("master"));
  const FakeSentinel sentinel(master.port());
  const auto client = Make({sentinel.endpoint()});
  EXPECT_EQ(Call(*client, {"GET", "k"}).text, "master") << "also before it is known";
  const ClientStats stats = client->stats();
  EXPECT_EQ(stats.topology_refreshes, 1u);
  ASSERT_EQ(stats.nodes.size(), 2u);
  EXPECT_NE(stats.nodes[0].sentinel, stats.nodes[1].sentinel);
}

TEST(SentinelRouter, ASentinelThatDoesNotAnswerIsPassedOver) {
  const FakeServer master(Named("master"));
  const FakeSentinel sentinel(master.port());
  const auto client = Make({StrCat("127.0.0.1:", kindred::testing::FreePort()), sentinel.endpoint()});
  EXPECT_TRUE(Answers(*client, "master"));
}

TEST(SentinelRouter, ReadOnlyAsksAgain) {
  const FakeServer demoted(Named("demoted")), promoted(Named("promoted"));
  FakeSentinel sentinel(demoted.port());
  const auto client = Make({sentinel.endpoint()});
  ASSERT_TRUE(Answers(*client, "demoted"));
  sentinel.set_master(promoted.port());
  EXPECT_EQ(Call(*client, {"SET", "k", "v"}).failure, Failure::kReadOnly);
  EXPECT_TRUE(Answers(*client, "promoted"));
  // The one before is not used any more.
  for (const NodeStats& node : client->stats().nodes) {
    EXPECT_EQ(node.known, node.endpoint != demoted.endpoint()) << node.endpoint;
  }
}

TEST(SentinelRouter, AMasterThatIsGoneIsReplacedAndAnnouncedAlsoWhenItComesBack) {
  auto first = std::make_unique<FakeServer>(Named("first"));
  const FakeServer second(Named("second"));
  FakeSentinel sentinel(first->port());
  const auto client = Make({sentinel.endpoint()});
  std::mutex mutex;
  std::vector<std::string> announced;
  client->set_on_new_server([&](std::string_view node, std::string_view) {
    const std::lock_guard lock(mutex);
    if (announced.empty() || announced.back() != node) announced.emplace_back(node);
  });
  ASSERT_TRUE(Answers(*client, "first"));
  const std::string first_endpoint = first->endpoint();
  first.reset();
  sentinel.set_master(second.port());
  EXPECT_TRUE(Answers(*client, "second"));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(announced, (std::vector<std::string>{first_endpoint, second.endpoint()}));
}

TEST(SentinelRouter, WhatSaysThatItIsNoMasterIsNotUsed) {
  FakeServer replica(Named("replica"));
  replica.set_role("slave");
  const FakeServer master(Named("master"));
  FakeSentinel sentinel(replica.port());
  const auto client = Make({sentinel.endpoint()});
  EXPECT_TRUE(Eventually([&] {
    return Call(*client, {"GET", "k"}, milliseconds(100)).failure == Failure::kBreakerOpen;
  }));
  EXPECT_THAT(Call(*client, {"GET", "k"}).text, HasSubstr("'slave'"));
  sentinel.set_master(master.port());
  EXPECT_TRUE(Answers(*client, "master"));
}

TEST(SentinelRouter, ASentinelIsNoMaster) {
  const FakeServer master(Named("master"));
  FakeSentinel liar(master.port()), honest(master.port());
  liar.set_master(honest.port());
  const auto misled = Make({liar.endpoint(), honest.endpoint()});
  EXPECT_TRUE(Answers(*misled, "master")) << "the next one is asked";

  FakeSentinel itself(master.port());
  itself.set_master(itself.port());
  const auto client = Make({itself.endpoint()});
  EXPECT_TRUE(Eventually([&] {
    return Call(*client, {"GET", "k"}, milliseconds(100)).failure == Failure::kBreakerOpen;
  }));
  EXPECT_THAT(Call(*client, {"GET", "k"}).text, HasSubstr("which is a Sentinel"));
  itself.set_master(master.port());
  EXPECT_TRUE(Answers(*client, "master"));
}

TEST(SentinelRouter, AMasterThatNobodyKnowsIsSaid) {
  const FakeServer master(Named("master"));
  const FakeSentinel sentinel(master.port());
  const auto client = Make({sentinel.endpoint()}, "other");
  EXPECT_TRUE(Eventually([&] {
    return Call(*client, {"GET", "k"}, milliseconds(100)).failure == Failure::kBreakerOpen;
  }));
  EXPECT_THAT(Call(*client, {"GET", "k"}).text, HasSubstr("knows no master 'other'"));
}

TEST(SentinelRouter, ARealFailoverIsFollowed) {
  if (!RedisProcess::Installed()) GTEST_SKIP() << "redis-server is not installed; scripts/install_packages.sh test";
  RedisProcess master({"--repl-diskless-sync-delay", "0"});
  RedisProcess replica({"--replicaof", StrCat("127.0.0.1 ", master.port()), "--repl-diskless-sync-delay", "0"});
  const kindred::testing::TempDir dir;
  const std::string file = dir.File("sentinel.conf");
  kindred::testing::WriteFile(file, StrCat("sentinel monitor mymaster 127.0.0.1 ", master.port(),
                                           " 1\nsentinel down-after-milliseconds mymaster 500\n"
                                           "sentinel failover-timeout mymaster 2000\n"));
  RedisProcess sentinel({"--sentinel"}, file);
  const auto admin = Make({sentinel.endpoint()});
  ASSERT_TRUE(Eventually([&] { return Call(*admin, {"SET", "k", "v"}, milliseconds(1000)).ok(); }));
  ASSERT_TRUE(Eventually([&] { return Call(*admin, {"WAIT", "1", "500"}, milliseconds(2000)).integer == 1; }));
  // Sentinel has to have heard of the replica.
  ClientOptions of_sentinel;
  of_sentinel.endpoints = {sentinel.endpoint()};
  const auto asking = RedisClient::Create(of_sentinel);
  ASSERT_TRUE(asking.ok());
  ASSERT_TRUE(Eventually([&] {
    return Call(**asking, {"SENTINEL", "REPLICAS", "mymaster"}, milliseconds(1000)).elements.size() == 1;
  }));
  master.Kill();
  EXPECT_TRUE(Eventually([&] { return Call(*admin, {"SET", "k", "w"}, milliseconds(1000)).ok(); }));
  for (const NodeStats& node : admin->stats().nodes) {
    if (!node.sentinel) {
      EXPECT_EQ(node.known, node.endpoint == replica.endpoint());
    }
  }
}

}  // namespace
}  // namespace kindred::redis
