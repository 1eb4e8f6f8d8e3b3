// No reply is ever matched to another command: very many commands, random deadlines, slow replies, resets.
#include "server/redis/connection.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>

#include "core/base/str_cat.h"
#include "server/redis/failure.h"
#include "server/redis/redis_client.h"
#include "tests/unit/server/redis/client_calls.h"
#include "tests/unit/server/redis/fake_server.h"

namespace kindred::redis {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kSeed = 20'240'501;

struct Tally {
  std::array<std::atomic<uint64_t>, kFailures> ended{};
  std::atomic<uint64_t> wrong{0};
  std::atomic<int64_t> under_way{0};

  uint64_t all() const {
    uint64_t sum = 0;
    for (const auto& count : ended) sum += count.load();
    return sum;
  }
};

void EchoMany(RedisClient& client, uint64_t thread, uint64_t n, std::chrono::steady_clock::time_point until,
              Tally* tally) {
  std::mt19937 random(static_cast<uint32_t>(kSeed + thread));
  for (uint64_t i = 0; i < n && std::chrono::steady_clock::now() < until; ++i) {
    while (tally->under_way.load(std::memory_order_relaxed) > 1500) std::this_thread::yield();
    std::string text = StrCat(thread, ":", i, ":", std::string(random() % 40, 'x'));
    Command command{"", {"ECHO", text}, random() % 2 == 0};
    tally->under_way.fetch_add(1);
    // From too short to more than any reply takes.
    const auto timeout = microseconds(100 + random() % (random() % 10 == 0 ? 500'000 : 20'000));
    client.Execute(std::move(command), In(timeout), [tally, text = std::move(text)](Reply reply) {
      if (reply.ok() && reply.text != text) tally->wrong.fetch_add(1);
      tally->ended[static_cast<size_t>(reply.failure)].fetch_add(1);
      tally->under_way.fetch_sub(1);
    });
  }
}

void RunThreads(RedisClient& client, uint64_t n_each, seconds at_most, Tally* tally) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] { EchoMany(client, t, n_each, until, tally); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(Eventually([&] { return tally->under_way.load() == 0; })) << "a command did not end";
}

// Ends by counting: the rest of the sum must be that of the client itself.
void CheckTally(const RedisClient& client, const Tally& tally) {
  EXPECT_EQ(tally.wrong.load(), 0u) << "seed " << kSeed;
  const ClientStats stats = client.stats();
  for (size_t i = 0; i < kFailures; ++i) {
    uint64_t counted = stats.unrouted[i];
    for (const NodeStats& node : stats.nodes) counted += node.operations[i];
    EXPECT_EQ(counted, tally.ended[i].load()) << FailureName(static_cast<Failure>(i));
  }
}

std::unique_ptr<RedisClient> Make(const FakeServer& server) {
  ClientOptions options;
  options.endpoints = {server.endpoint()};
  options.connect_timeout = milliseconds(2000);
  // What is measured is the matching, so the breaker should seldom stand in the way.
  options.breaker.first_interval = milliseconds(10);
  options.breaker.max_interval = milliseconds(10);
  options.breaker.consecutive_timeouts = 1'000'000;
  options.breaker.failure_share = 2;
  auto client = RedisClient::Create(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

TEST(Connection, AMillionRepliesAndNoneIsAnothers) {
  const FakeServer server([](FakeConnection& connection, const FakeServer::Arguments& command) {
    connection.Write(command[0] == "ECHO" ? Bulk(command[1]) : "+PONG\r\n");
  });
  const auto client = Make(server);
  Tally tally;
  RunThreads(*client, 500'000, seconds(8), &tally);
  CheckTally(*client, tally);
  EXPECT_GT(tally.ended[0].load(), 0u);
  RecordProperty("commands", static_cast<int>(tally.all()));
}

TEST(Connection, SlownessAndResetsMixNothingUp) {
  // Now and then a reply waits, comes in two pieces, or never, with all that is behind it.
  const FakeServer server([](FakeConnection& connection, const FakeServer::Arguments& command) {
    static thread_local std::mt19937 random(kSeed);
    if (command[0] != "ECHO") return connection.Write("+PONG\r\n");
    const std::string reply = Bulk(command[1]);
    const uint32_t chance = random() % 4000;
    if (chance == 0) {
      connection.Write(reply.substr(0, reply.size() / 2));
      return connection.Reset();
    }
    if (chance < 12) std::this_thread::sleep_for(milliseconds(random() % 30));
    if (chance == 12) std::this_thread::sleep_for(milliseconds(120));
    if (chance % 16 != 15) return connection.Write(reply);
    connection.Write(reply.substr(0, 3));
    std::this_thread::sleep_for(microseconds(random() % 300));
    connection.Write(reply.substr(3));
  });
  const auto client = Make(server);
  Tally tally;
  RunThreads(*client, 500'000, seconds(8), &tally);
  CheckTally(*client, tally);
  EXPECT_GT(tally.ended[0].load(), 0u);
  EXPECT_GT(tally.ended[static_cast<size_t>(Failure::kTimeout)].load(), 0u);
  const NodeStats node = client->stats().nodes[0];
  EXPECT_GT(node.late_replies, 0u);
  EXPECT_GT(node.connections_lost, 0u);
  RecordProperty("commands", static_cast<int>(tally.all()));
}

}  // namespace
}  // namespace kindred::redis
