#include "server/redis/cluster_router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
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

std::unique_ptr<RedisClient> Make(std::vector<std::string> seeds) {
  ClientOptions options;
  options.endpoints = std::move(seeds);
  options.mode = Mode::kCluster;
  options.connect_timeout = milliseconds(2000);
  auto client = RedisClient::Create(std::move(options));
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

// Two nodes that say the same map, and by key what a test wants.
class FakeCluster {
 public:
  using Answer = std::function<std::string(size_t node, const Arguments& command, bool asked)>;

  explicit FakeCluster(Answer answer) : answer_(std::move(answer)) {
    for (size_t i = 0; i < 2; ++i) {
      nodes_.push_back(std::make_unique<FakeServer>([this, i](FakeConnection& connection, const Arguments& command) {
        static thread_local bool asking = false;
        if (command[0] == "PING") return connection.Write("+PONG\r\n");
        if (command[0] == "CLUSTER") return connection.Write(Slots());
        if (command[0] == "ASKING") {
          asking = true;
          return connection.Write("+OK\r\n");
        }
        connection.Write(answer_(i, command, std::exchange(asking, false)));
      }));
    }
    nodes_[1]->set_run_id("fake-2");
  }

  // Slots below `end` are the first node's.
  void Split(int end) { end_ = end; }
  FakeServer& node(size_t i) { return *nodes_[i]; }
  int maps() const { return maps_; }

 private:
  std::string Slots() {
    maps_.fetch_add(1);
    const auto range = [&](int first, int last, size_t i) {
      return StrCat("*3\r\n:", first, "\r\n:", last, "\r\n*2\r\n", Bulk("127.0.0.1"), ":", nodes_[i]->port(), "\r\n");
    };
    return StrCat("*2\r\n", range(0, end_ - 1, 0), range(end_, kSlots - 1, 1));
  }

  const Answer answer_;
  std::atomic<int> end_{8192};
  std::atomic<int> maps_{0};
  std::vector<std::unique_ptr<FakeServer>> nodes_;
};

TEST(ClusterRouter, KeysGoToTheOwnersOfTheirSlots) {
  FakeCluster cluster([](size_t node, const Arguments&, bool) { return StrCat(":", node, "\r\n"); });
  const auto client = Make({cluster.node(0).endpoint()});
  for (int i = 0; i < 200; ++i) {
    const std::string key = StrCat("key", i);
    const Reply reply = Call(*client, {"GET", key});
    ASSERT_TRUE(reply.ok()) << reply.text;
    EXPECT_EQ(reply.integer, KeySlot(key) < 8192 ? 0 : 1) << key;
  }
  EXPECT_EQ(cluster.maps(), 1);
  std::set<int64_t> any;
  for (int i = 0; i < 4; ++i) any.insert(Call(*client, {"PUBLISH"}).integer);
  EXPECT_EQ(any.size(), 2u) << "commands without a key go to all";
}

TEST(ClusterRouter, MovedIsFollowedAndTheMapComesAnew) {
  std::atomic<bool> moved{false};
  FakeCluster* nodes = nullptr;
  FakeCluster cluster([&](size_t node, const Arguments& command, bool) {
    if (moved && node == 0) return StrCat("-MOVED ", KeySlot(command[1]), " 127.0.0.1:", nodes->node(1).port(), "\r\n");
    return StrCat(":", node, "\r\n");
  });
  nodes = &cluster;
  const auto client = Make({cluster.node(0).endpoint()});
  ASSERT_LT(KeySlot("a2"), 16384);
  std::string key = "key";
  while (KeySlot(key) >= 8192) key += "x";
  EXPECT_EQ(Call(*client, {"GET", key}).integer, 0);
  // Both are known, so that what the callback hears next is of slots.
  std::string other = "key";
  while (KeySlot(other) < 8192) other += "x";
  EXPECT_EQ(Call(*client, {"GET", other}).integer, 1);
  std::mutex mutex;
  std::vector<std::string> announced;
  client->set_on_new_server([&](std::string_view node, std::string_view run_id) {
    const std::lock_guard lock(mutex);
    announced.push_back(StrCat(node, " ", run_id));
  });
  ASSERT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex);
    return announced.size() == 2;
  }));
  cluster.Split(1);
  moved = true;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Call(*client, {"GET", key}).integer, 1) << "at once, by redirection";
  EXPECT_TRUE(Eventually([&] { return cluster.maps() >= 2; }));
  EXPECT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex);
    return announced.size() == 3;
  }));
  EXPECT_EQ(announced[2], StrCat(cluster.node(1).endpoint(), " fake-2"));
  const auto redirections = [&] {
    uint64_t sum = 0;
    for (const NodeStats& node : client->stats().nodes) sum += node.redirections;
    return sum;
  };
  EXPECT_GE(redirections(), 1u);
  const uint64_t before = redirections();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Call(*client, {"GET", key}).integer, 1);
  EXPECT_EQ(redirections(), before) << "the map says it";
}

TEST(ClusterRouter, AskIsFollowedBehindAskingAndChangesNothing) {
  FakeCluster* nodes = nullptr;
  FakeCluster cluster([&](size_t node, const Arguments& command, bool asked) {
    if (node == 0) return StrCat("-ASK ", KeySlot(command[1]), " :", nodes->node(1).port(), "\r\n");
    return asked || KeySlot(command[1]) >= 8192 ? StrCat(":", node, "\r\n") : std::string("-MOVED 1 127.0.0.1:1\r\n");
  });
  nodes = &cluster;
  const auto client = Make({cluster.node(1).endpoint()});
  std::vector<std::future<Reply>> replies;
  for (int i = 0; i < 100; ++i) replies.push_back(Post(*client, {"GET", StrCat("key", i)}));
  for (auto& reply : replies) EXPECT_EQ(reply.get().integer, 1);
  EXPECT_EQ(cluster.maps(), 1);
}

TEST(ClusterRouter, CirclesEndAfterTwoRedirections) {
  FakeCluster* nodes = nullptr;
  std::atomic<int> asked{0};
  FakeCluster cluster([&](size_t node, const Arguments&, bool) {
    asked.fetch_add(1);
    return StrCat("-MOVED 7 127.0.0.1:", nodes->node(1 - node).port(), "\r\n");
  });
  nodes = &cluster;
  const auto client = Make({cluster.node(0).endpoint()});
  EXPECT_EQ(Call(*client, {"GET", "k"}).failure, Failure::kMoved);
  EXPECT_EQ(asked.load(), 3);
}

TEST(ClusterRouter, TryAgainIsTriedAgainAndClusterDownIsSaid) {
  std::atomic<int> tries{0};
  FakeCluster cluster([&](size_t, const Arguments& command, bool) {
    if (command[1] == "down") return std::string("-CLUSTERDOWN Hash slot not served\r\n");
    return std::string(tries.fetch_add(1) < 5 ? "-TRYAGAIN Multiple keys\r\n" : ":5\r\n");
  });
  const auto client = Make({cluster.node(0).endpoint()});
  EXPECT_EQ(Call(*client, {"GET", "k"}).integer, 5);
  EXPECT_EQ(Call(*client, {"GET", "down"}).failure, Failure::kClusterDown);
}

TEST(ClusterRouter, ASeedThatIsGoneIsPassedOver) {
  FakeCluster cluster([](size_t node, const Arguments&, bool) { return StrCat(":", node, "\r\n"); });
  const auto client = Make({StrCat("127.0.0.1:", kindred::testing::FreePort()), cluster.node(1).endpoint()});
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"GET", "k"}, milliseconds(1000)).ok(); }));
}

TEST(ClusterRouter, AServerThatIsNoClusterIsSaid) {
  if (!RedisProcess::Installed()) GTEST_SKIP() << "redis-server is not installed; scripts/install_packages.sh test";
  const RedisProcess redis;
  const auto client = Make({redis.endpoint()});
  EXPECT_TRUE(Eventually([&] {
    return Call(*client, {"GET", "k"}, milliseconds(100)).failure == Failure::kBreakerOpen;
  }));
  EXPECT_THAT(Call(*client, {"GET", "k"}).text, HasSubstr("cluster support disabled"));
}

// Three masters and a replica of each, as research of Debian's Redis found to come up quickly.
class RealCluster {
 public:
  RealCluster() {
    for (int i = 0; i < 6; ++i) {
      const uint16_t bus = kindred::testing::FreePort();
      nodes_.push_back(std::make_unique<RedisProcess>(
          std::vector<std::string>{"--cluster-enabled", "yes", "--cluster-port", StrCat(bus), "--cluster-node-timeout",
                                   "1000", "--repl-diskless-sync-delay", "0", "--cluster-config-file", "nodes.conf"}));
    }
    std::string command = "redis-cli --cluster create";
    for (const auto& node : nodes_) command += " " + node->endpoint();
    created_ = std::system((command + " --cluster-replicas 1 --cluster-yes >/dev/null 2>&1").c_str()) == 0;
  }

  bool created() const { return created_; }
  std::string endpoint(size_t i) const { return nodes_[i]->endpoint(); }
  RedisProcess* Find(const std::string& endpoint) {
    for (const auto& node : nodes_) {
      if (node->endpoint() == endpoint) return node.get();
    }
    return nullptr;
  }
  // Whether every replica has its master's data: of `keys` each is there twice. A link that is up is not enough, since
  // writes that came during the first copy follow up to a second later.
  bool Synchronized(int64_t keys) {
    int up = 0;
    int64_t copies = 0;
    for (const auto& node : nodes_) {
      ClientOptions options;
      options.endpoints = {node->endpoint()};
      const auto client = RedisClient::Create(options);
      const std::string info = Call(**client, {"INFO", "replication"}).text;
      up += static_cast<int>(info.find("master_link_status:up") != std::string::npos);
      copies += Call(**client, {"DBSIZE"}).integer;
    }
    return up == 3 && copies == 2 * keys;
  }

 private:
  std::vector<std::unique_ptr<RedisProcess>> nodes_;
  bool created_ = false;
};

TEST(ClusterRouter, ARealClusterAndTheFailoverOfAMaster) {
  if (!RedisProcess::Installed()) GTEST_SKIP() << "redis-server is not installed; scripts/install_packages.sh test";
  RealCluster cluster;
  ASSERT_TRUE(cluster.created()) << "redis-cli --cluster create failed";
  const auto client = Make({cluster.endpoint(0), cluster.endpoint(5)});
  std::mutex mutex;
  std::map<std::string, std::string> announced;
  client->set_on_new_server([&](std::string_view node, std::string_view run_id) {
    const std::lock_guard lock(mutex);
    announced[std::string(node)] = run_id;
  });
  for (int i = 0; i < 100; ++i) {
    const std::string key = StrCat("key", i);
    ASSERT_TRUE(Eventually([&] { return Call(*client, {"SET", key, key}, milliseconds(1000)).ok(); })) << key;
  }
  std::vector<std::string> masters;
  for (const NodeStats& node : client->stats().nodes) {
    if (node.known) masters.push_back(node.endpoint);
  }
  EXPECT_EQ(masters.size(), 3u);
  ASSERT_TRUE(Eventually([&] { return cluster.Synchronized(100); }));
  RedisProcess* const stopped = cluster.Find(masters[1]);
  stopped->Pause();
  std::set<std::string> left;
  for (int i = 0; i < 100; ++i) left.insert(StrCat("key", i));
  EXPECT_TRUE(Eventually([&] {
    for (auto key = left.begin(); key != left.end();) {
      key = Call(*client, {"GET", *key}, milliseconds(20)).text == *key ? left.erase(key) : std::next(key);
    }
    return left.empty();
  }));
  stopped->Resume();
  const std::lock_guard lock(mutex);
  EXPECT_GE(announced.size(), 4u) << "the replica that took over is a new server";
}

}  // namespace
}  // namespace kindred::redis
