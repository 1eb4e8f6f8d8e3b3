// What reading a profile costs a request where nobody else is asked: of the redis store what is near, and beside it the
// embedded and the memory store. By events of the profile, and by threads.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <utility>

#include "server/embedded_profile_store.h"
#include "server/memory_profile_store.h"
#include "server/profiles/redis_profile_store.h"
#include "server/request_events.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

constexpr int kUsers = 10'000;

// A Redis that takes every write and has nothing.
class TakesAll final : public redis::Client {
 public:
  void Execute(redis::Command command, std::chrono::steady_clock::time_point deadline, Done done) override {
    redis::Reply reply;
    const bool writes = command.arguments[0] == "EVALSHA";
    reply.type = writes ? redis::Reply::Type::kInteger : redis::Reply::Type::kString;
    reply.integer = 1;
    done(std::move(reply));
  }
};

struct Stores {
  explicit Stores(int events) {
    RedisStoreOptions options;
    options.canary_interval = {};
    options.near_ttl = std::chrono::hours(1);
    options.near_bytes = 1u << 30;
    auto journal = ProfileJournal::Open(dir.File("journal"), 64u << 20);
    redis = std::make_unique<RedisProfileStore>(&client, *std::move(journal), options);
    embedded = *EmbeddedProfileStore::Open(dir.File("embedded"), 64u << 20);
    for (int user = 0; user < kUsers; ++user) {
      Profile profile;
      profile.user_id = "user" + std::to_string(user);
      profile.version = 1;
      profile.updated_ms = NowMs();
      for (int i = 0; i < events; ++i) profile.events.push_back({"item" + std::to_string(i), "view", i, 1.0, 0, 7});
      const Profile* const one[] = {&profile};
      for (ProfileStore* store : {static_cast<ProfileStore*>(redis.get()), static_cast<ProfileStore*>(&memory),
                                  static_cast<ProfileStore*>(embedded.get())}) {
        if (!store->Commit(one).ok()) std::abort();
      }
    }
    redis->Drain(std::chrono::steady_clock::now() + std::chrono::seconds(60));
  }

  testing::TempDir dir;
  TakesAll client;
  std::unique_ptr<RedisProfileStore> redis;
  std::unique_ptr<EmbeddedProfileStore> embedded;
  MemoryProfileStore memory;
};

Stores& StoresOf(int64_t events) {
  if (events == 16) {
    static Stores few(16);
    return few;
  }
  static Stores many(256);
  return many;
}

template <typename Pick>
void Read(benchmark::State& state, const Pick& pick) {
  ProfileStore* const store = pick(StoresOf(state.range(0)));
  FetchedProfile out;
  uint64_t user = state.thread_index() * 7919u;
  std::string user_id;
  for (auto _ : state) {
    user_id = "user" + std::to_string((user += 101) % kUsers);
    if (!store->Fetch(user_id, {}, &out, [] {}) || out.profile.version != 1) state.SkipWithError("not there");
  }
}

void Near(benchmark::State& state) {
  Read(state, [](Stores& stores) { return stores.redis.get(); });
}
void Embedded(benchmark::State& state) {
  Read(state, [](Stores& stores) { return stores.embedded.get(); });
}
void Memory(benchmark::State& state) {
  Read(state, [](Stores& stores) { return &stores.memory; });
}

BENCHMARK(Near)->Arg(16)->Arg(256)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(Embedded)->Arg(16)->Arg(256)->ThreadRange(1, 2)->UseRealTime();
BENCHMARK(Memory)->Arg(16)->Arg(256)->ThreadRange(1, 2)->UseRealTime();

}  // namespace
}  // namespace kindred

BENCHMARK_MAIN();
