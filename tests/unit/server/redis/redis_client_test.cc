// Against real servers: what happens to them, and what the client makes of it.
#include "server/redis/redis_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "server/redis/failure.h"
#include "tests/support/redis_process.h"
#include "tests/unit/server/redis/client_calls.h"

namespace kindred::redis {
namespace {

using kindred::testing::RedisProcess;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

std::unique_ptr<RedisClient> Make(ClientOptions options) {
  auto client = RedisClient::Create(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

// A machine that is busy must not look like a server that is gone.
ClientOptions Patient(const std::string& endpoint) {
  ClientOptions options;
  options.endpoints = {endpoint};
  options.connect_timeout = milliseconds(5000);
  return options;
}

class RedisClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisProcess::Installed()) GTEST_SKIP() << "redis-server is not installed; scripts/install_packages.sh test";
  }
};

TEST_F(RedisClientTest, EveryTypeOfReplyComesBack) {
  RedisProcess redis;
  const auto client = Make(Patient(redis.endpoint()));
  const std::string bytes("\0\r\n\xff$5\r\n", 9);
  EXPECT_EQ(Call(*client, {"SET", "k", bytes}).text, "OK");
  const Reply value = Call(*client, {"GET", "k"});
  EXPECT_EQ(value.type, Reply::Type::kString);
  EXPECT_EQ(value.text, bytes);
  EXPECT_EQ(Call(*client, {"GET", "none"}).type, Reply::Type::kNil);
  EXPECT_EQ(Call(*client, {"INCRBY", "n", "41"}).integer, 41);
  const Reply many = Call(*client, {"MGET", "k", "none", "n"});
  ASSERT_EQ(many.elements.size(), 3u);
  EXPECT_EQ(many.elements[2].text, "41");
  const Reply wrong = Call(*client, {"LPUSH", "k", "x"});
  EXPECT_EQ(wrong.failure, Failure::kOther);
  EXPECT_THAT(wrong.text, HasSubstr("WRONGTYPE"));
  EXPECT_EQ(Call(*client, {"EVALSHA", std::string(40, '0'), "0"}).failure, Failure::kNoScript);
  const std::string large(1 << 20, 'v');
  EXPECT_TRUE(Call(*client, {"SET", "large", large}).ok());
  EXPECT_EQ(Call(*client, {"GET", "large"}).text, large);
  EXPECT_EQ(Call(*client, {"CLIENT", "GETNAME"}).text, "kindred");
}

TEST_F(RedisClientTest, AReplyAboveTheLimitIsRefusedAndTheConnectionMadeAnew) {
  RedisProcess redis;
  const auto client = Make(Patient(redis.endpoint()));
  EXPECT_TRUE(Call(*client, {"SET", "large", std::string((1 << 20) + 1, 'v')}).ok());
  EXPECT_EQ(Call(*client, {"GET", "large"}).failure, Failure::kProtocol);
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"GET", "none"}).ok(); }));
  EXPECT_EQ(client->stats().nodes[0].protocol_errors, 1u);
}

TEST_F(RedisClientTest, ManyThreadsGetTheirOwnReplies) {
  RedisProcess redis;
  const auto client = Make(Patient(redis.endpoint()));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const std::string text = std::to_string(t) + ":" + std::to_string(i);
        if (Call(*client, {"ECHO", text}).text != text) wrong.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  const ClientStats stats = client->stats();
  EXPECT_EQ(stats.nodes[0].operations[0], 2000u);
  EXPECT_EQ(stats.nodes[0].latency_count, 2000u);
  EXPECT_EQ(stats.nodes[0].connections, 2u);
  EXPECT_EQ(stats.nodes[0].in_flight, 0u);
}

TEST_F(RedisClientTest, AStoppedServerOpensTheBreakerAndAResumedOneClosesIt) {
  RedisProcess redis;
  const auto client = Make(Patient(redis.endpoint()));
  ASSERT_TRUE(Call(*client, {"SET", "k", "v"}).ok());
  redis.Pause();
  std::set<Failure> seen;
  EXPECT_TRUE(Eventually([&] {
    const Reply reply = Call(*client, {"GET", "k"}, milliseconds(5));
    seen.insert(reply.failure);
    return reply.failure == Failure::kBreakerOpen;
  }));
  EXPECT_TRUE(seen.contains(Failure::kTimeout));
  EXPECT_FALSE(seen.contains(Failure::kNone));
  // Late replies end the connections, and no new one is taken for health: the stopped server accepts it.
  EXPECT_TRUE(Eventually([&] { return client->stats().nodes[0].connections_late >= 1; }));
  EXPECT_TRUE(Eventually([&] { return client->stats().nodes[0].connection_attempts >= 3; }));
  EXPECT_NE(client->stats().nodes[0].breaker, BreakerState::kClosed);
  redis.Resume();
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"GET", "k"}, milliseconds(1000)).text == "v"; }));
  const NodeStats node = client->stats().nodes[0];
  EXPECT_EQ(node.breaker, BreakerState::kClosed);
  EXPECT_GE(node.transitions[static_cast<size_t>(BreakerState::kOpen)], 1u);
  EXPECT_GE(node.transitions[static_cast<size_t>(BreakerState::kHalfOpen)], 1u);
  EXPECT_EQ(node.transitions[static_cast<size_t>(BreakerState::kClosed)], 1u);
  EXPECT_LE(node.connections, 2u);
}

TEST_F(RedisClientTest, AServerThatIsKilledAndStartedIsANewOne) {
  RedisProcess redis;
  std::mutex mutex;
  std::vector<std::string> run_ids;
  const auto client = Make(Patient(redis.endpoint()));
  const auto seen = [&] {
    const std::lock_guard lock(mutex);
    return run_ids.size();
  };
  client->set_on_new_server([&](std::string_view node, std::string_view run_id) {
    EXPECT_EQ(node, redis.endpoint());
    const std::lock_guard lock(mutex);
    if (run_ids.empty() || run_ids.back() != run_id) run_ids.emplace_back(run_id);
  });
  ASSERT_TRUE(Eventually([&] { return seen() == 1; }));
  for (size_t restart = 1; restart <= 3; ++restart) {
    redis.Kill();
    EXPECT_TRUE(Eventually([&] { return !Call(*client, {"GET", "k"}, milliseconds(50)).ok(); }));
    redis.Start();
    EXPECT_TRUE(Eventually([&] { return Call(*client, {"GET", "k"}, milliseconds(1000)).ok(); }));
    // Before anything was sent to it.
    EXPECT_EQ(seen(), restart + 1);
  }
  const std::lock_guard lock(mutex);
  EXPECT_EQ(std::set<std::string>(run_ids.begin(), run_ids.end()).size(), 4u);
  EXPECT_EQ(run_ids[0].size(), 40u);
}

TEST_F(RedisClientTest, TheCallbackHearsOfNodesThatAreKnownAlreadyAndIsNotCalledOnceItIsReplaced) {
  RedisProcess redis;
  const auto client = Make(Patient(redis.endpoint()));
  ASSERT_TRUE(Call(*client, {"PING"}).ok());
  std::atomic<int> calls{0};
  client->set_on_new_server([&](std::string_view, std::string_view run_id) {
    EXPECT_EQ(run_id.size(), 40u);
    // It may use the client.
    client->Execute({"", {"PING"}, true}, In(kPatience), [&](Reply reply) {
      EXPECT_TRUE(reply.ok());
      calls.fetch_add(1);
    });
  });
  EXPECT_TRUE(Eventually([&] { return calls.load() == 1; }));
  client->set_on_new_server(nullptr);
  redis.Kill();
  redis.Start();
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"PING"}, milliseconds(1000)).ok(); }));
  EXPECT_EQ(calls.load(), 1);
  EXPECT_EQ(client->stats().new_servers, 1u);
}

TEST_F(RedisClientTest, PasswordsAndUsersAreThoseOfTheMoment) {
  TempDir dir;
  const std::string file = dir.File("password");
  WriteFile(file, "first\n");
  RedisProcess redis({"--user", "kindred", "on", ">first", "~*", "+@all", "-config", "--user", "default", "off"});
  ClientOptions options = Patient(redis.endpoint());
  options.username = "kindred";
  options.password_file = file;
  const auto client = Make(options);
  EXPECT_TRUE(Call(*client, {"SET", "k", "v"}).ok());
  EXPECT_EQ(Call(*client, {"CONFIG", "GET", "port"}).failure, Failure::kNoPermission);
  // A new password, and what is on the way to be locked out: new connections read the file again.
  EXPECT_TRUE(Call(*client, {"ACL", "SETUSER", "kindred", "resetpass", ">second"}).ok());
  WriteFile(file, "second\n");
  Call(*client, {"CLIENT", "KILL", "USER", "kindred", "SKIPME", "no"});
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"GET", "k"}, milliseconds(1000)).text == "v"; }));
  // One that is wrong by now.
  WriteFile(file, "third\n");
  Call(*client, {"CLIENT", "KILL", "USER", "kindred", "SKIPME", "no"});
  EXPECT_TRUE(Eventually([&] {
    return Call(*client, {"GET", "k"}, milliseconds(100)).failure == Failure::kBreakerOpen;
  }));
  EXPECT_THAT(Call(*client, {"GET", "k"}).text, HasSubstr("WRONGPASS"));
}

TEST_F(RedisClientTest, WhoWaitsForAConnectionThatIsLockedOutIsToldWhy) {
  RedisProcess redis({"--requirepass", "secret"});
  const auto client = Make(Patient(redis.endpoint()));
  const Reply reply = Call(*client, {"GET", "k"});
  EXPECT_TRUE(reply.failure == Failure::kNoAuth || reply.failure == Failure::kBreakerOpen)
      << FailureName(reply.failure);
  EXPECT_THAT(reply.text, HasSubstr("NOAUTH"));
}

TEST_F(RedisClientTest, ErrorsOfRealServersAreTyped) {
  RedisProcess redis({"--maxmemory", "1mb", "--maxmemory-policy", "noeviction"});
  const auto client = Make(Patient(redis.endpoint()));
  EXPECT_EQ(Call(*client, {"SET", "k", std::string(100'000, 'x')}).failure, Failure::kOutOfMemory);
  RedisProcess replica({"--replicaof", "127.0.0.1 " + std::to_string(redis.port())});
  const auto reader = Make(Patient(replica.endpoint()));
  EXPECT_EQ(Call(*reader, {"SET", "k", "v"}).failure, Failure::kReadOnly);
}

TEST_F(RedisClientTest, ACommandBeyondTheLimitIsRefusedAtOnce) {
  RedisProcess redis;
  ClientOptions options = Patient(redis.endpoint());
  options.connections_per_node = 1;
  options.max_in_flight = 8;
  const auto client = Make(options);
  ASSERT_TRUE(Call(*client, {"PING"}).ok());
  redis.Pause();
  std::vector<std::future<Reply>> replies;
  for (int i = 0; i < 50; ++i) replies.push_back(Post(*client, {"ECHO", std::to_string(i)}, milliseconds(20'000)));
  EXPECT_TRUE(Eventually([&] {
    const ClientStats stats = client->stats();
    constexpr auto kIndex = static_cast<size_t>(Failure::kSaturated);
    return stats.unrouted[kIndex] + stats.nodes[0].operations[kIndex] == 42;
  }));
  redis.Resume();
  int served = 0;
  for (size_t i = 0; i < replies.size(); ++i) {
    const Reply reply = replies[i].get();
    if (reply.ok()) {
      ++served;
      EXPECT_EQ(reply.text, std::to_string(i));
    } else {
      EXPECT_EQ(reply.failure, Failure::kSaturated);
    }
  }
  EXPECT_EQ(served, 8);
}

TEST_F(RedisClientTest, EveryCommandEndsOnceWhenTheClientGoes) {
  RedisProcess redis;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ended{0}, again{0};
    constexpr int kCommands = 500;
    {
      const auto client = Make(Patient(redis.endpoint()));
      if (round % 2 == 0) {
        ASSERT_TRUE(Call(*client, {"PING"}).ok());
      }
      RedisClient* const raw = client.get();
      for (int i = 0; i < kCommands; ++i) {
        raw->Execute(
            {"k", {"BLPOP", "k" + std::to_string(i), "1"}, i % 2 == 0}, In(milliseconds(5000)), [&, raw](Reply) {
              // Also what is posted while the client goes.
              raw->Execute({"k", {"GET", "k"}, false}, In(milliseconds(5000)), [&](Reply) { again.fetch_add(1); });
              ended.fetch_add(1);
            });
      }
    }
    EXPECT_EQ(ended.load(), kCommands);
    EXPECT_EQ(again.load(), kCommands);
  }
}

TEST_F(RedisClientTest, ADeadlineIsKeptWithoutAServer) {
  const auto client = Make(Patient("127.0.0.1:" + std::to_string(kindred::testing::FreePort())));
  std::set<Failure> seen;
  for (int i = 0; i < 20; ++i) seen.insert(Call(*client, {"GET", "k"}, milliseconds(5)).failure);
  EXPECT_FALSE(seen.contains(Failure::kNone));
  EXPECT_EQ(Call(*client, {"GET", "k"}).failure, Failure::kBreakerOpen);
  EXPECT_EQ(Call(*client, {"GET", "k"}, milliseconds(-5)).failure, Failure::kTimeout);
  EXPECT_EQ(Call(*client, {}).failure, Failure::kOther);
}

TEST_F(RedisClientTest, NamesAreLookedUp) {
  RedisProcess redis;
  const auto client = Make(Patient("localhost:" + std::to_string(redis.port())));
  // It may stand for ::1 as well, where nobody listens; the next attempt takes the other.
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"PING"}, milliseconds(1000)).ok(); }));
  const auto nobody = Make(Patient("no-such-host.invalid:6379"));
  EXPECT_TRUE(Eventually([&] { return Call(*nobody, {"PING"}, milliseconds(100)).failure == Failure::kBreakerOpen; }));
}

TEST(RedisClientOptions, MistakesAreSaidBeforeAnythingStarts) {
  const std::pair<std::function<void(ClientOptions&)>, std::string_view> cases[] = {
      {[](ClientOptions& o) { o.endpoints.clear(); }, "at least one endpoint"},
      {[](ClientOptions& o) {
         o.endpoints = {"a:1", "b"};
       },
       "'b' has no port"},
      {[](ClientOptions& o) { o.connections_per_node = 0; }, "at least 1"},
      {[](ClientOptions& o) { o.max_in_flight = 0; }, "at least 1"},
      {[](ClientOptions& o) { o.connect_timeout = milliseconds(0); }, "at least 1 ms"},
      {[](ClientOptions& o) { o.username = "u"; }, "'u' has no password_file"},
      {[](ClientOptions& o) { o.password_file = "/no/such/file"; }, "/no/such/file cannot be read"},
      {[](ClientOptions& o) {
         o.mode = Mode::kSentinel;
         o.sentinel_master.clear();
       },
       "sentinel_master"},
      {[](ClientOptions& o) {
         o.tls.enabled = true;
         o.tls.ca_file = "/no/such/ca";
       },
       "tls.ca_file /no/such/ca"},
      {[](ClientOptions& o) {
         o.tls.enabled = true;
         o.tls.cert_file = "/no/such/cert";
       },
       "together"},
  };
  for (const auto& [change, problem] : cases) {
    ClientOptions options;
    change(options);
    const auto client = RedisClient::Create(options);
    ASSERT_FALSE(client.ok()) << problem;
    EXPECT_THAT(client.status().ToString(), HasSubstr(std::string(problem)));
  }
}

}  // namespace
}  // namespace kindred::redis
