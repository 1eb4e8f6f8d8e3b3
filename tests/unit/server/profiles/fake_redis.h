// A Redis in this process, as far as the profile store uses one: values with a time to live, our scripts, and the ways
// in which it fails. It answers on a thread of its own, or before Execute returns, or when it is told to. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/redis/client.h"

namespace kindred::testing {

class FakeRedis final : public redis::Client {
 public:
  struct Value {
    std::string text;
    int64_t ttl_ms = 0;
    bool is_string = true;
    std::map<std::string, std::string> hash;
  };

  FakeRedis() : thread_(&FakeRedis::Run, this) {}
  // Answers all that is held.
  ~FakeRedis() override;

  void Execute(redis::Command command, std::chrono::steady_clock::time_point deadline, Done done) override;

  // From now on every command fails so; kNone: none does.
  void Fail(redis::Failure failure);
  // As Fail, before Execute returns, as a breaker does.
  void FailAtOnce(redis::Failure failure);
  // From now on commands are done, but not answered, until Release.
  void Hold();
  void Release();
  // Called with the name of a command before it is done; not with a lock held.
  void set_before(std::function<void(const std::string&)> before);

  void Set(const std::string& key, std::string value);
  void SetOtherType(const std::string& key);
  // Empty when there is none.
  std::string Get(const std::string& key) const;
  int64_t TtlOf(const std::string& key) const;
  std::map<std::string, std::string> Hash(const std::string& key) const;
  // Everything goes, the scripts too when `restart`.
  void Clear(bool restart);
  uint64_t calls(const std::string& name) const;
  size_t held() const;

 private:
  struct Pending {
    redis::Command command;
    Done done;
  };

  void Run();
  redis::Reply Do(const std::vector<std::string>& arguments);
  redis::Reply Script(const std::vector<std::string>& arguments);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, Value> values_;
  std::map<std::string, bool> scripts_;
  std::map<std::string, uint64_t> calls_;
  std::deque<Pending> pending_;
  std::deque<std::pair<Done, redis::Reply>> held_;
  std::function<void(const std::string&)> before_;
  redis::Failure failure_ = redis::Failure::kNone;
  bool at_once_ = false, holding_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace kindred::testing
