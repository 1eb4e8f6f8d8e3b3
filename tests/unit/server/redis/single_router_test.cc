#include "server/redis/single_router.h"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>

#include "server/redis/redis_client.h"
#include "tests/unit/server/redis/client_calls.h"
#include "tests/unit/server/redis/fake_server.h"

namespace kindred::redis {
namespace {

using std::chrono::milliseconds;

FakeServer::Handler Named(const std::string& name) {
  return [name](FakeConnection& connection, const FakeServer::Arguments& command) {
    connection.Write(command[0] == "PING" ? "+PONG\r\n" : Bulk(name));
  };
}

TEST(SingleRouter, TheNextEndpointTakesOverAndIsAnnounced) {
  auto first = std::make_unique<FakeServer>(Named("first"));
  FakeServer second(Named("second"));
  second.set_run_id("fake-2");
  ClientOptions options;
  options.endpoints = {first->endpoint(), second.endpoint()};
  auto client = RedisClient::Create(options);
  ASSERT_TRUE(client.ok()) << client.status();
  std::mutex mutex;
  std::vector<std::string> announced;
  (*client)->set_on_new_server([&](std::string_view, std::string_view run_id) {
    const std::lock_guard lock(mutex);
    announced.emplace_back(run_id);
  });
  EXPECT_TRUE(Eventually([&] { return Call(**client, {"GET", "k"}, milliseconds(1000)).text == "first"; }));
  EXPECT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex);
    return announced.size() >= 2;
  }));
  {
    const std::lock_guard lock(mutex);
    announced.clear();
  }
  first.reset();
  EXPECT_TRUE(Eventually([&] { return Call(**client, {"GET", "k"}, milliseconds(1000)).text == "second"; }));
  const std::lock_guard lock(mutex);
  // It was connected to all the time, and has nothing of what the first was given.
  EXPECT_EQ(announced, std::vector<std::string>{"fake-2"});
}

}  // namespace
}  // namespace kindred::redis
