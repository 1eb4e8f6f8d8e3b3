#include "tests/unit/server/profiles/fake_redis.h"

#include <utility>

#include "server/profiles/redis_scripts.h"

namespace kindred::testing {
namespace {

using redis::Failure;
using redis::Reply;

Reply Text(std::string text) {
  Reply reply;
  reply.type = Reply::Type::kString;
  reply.text = std::move(text);
  return reply;
}

Reply Integer(int64_t value) {
  Reply reply;
  reply.type = Reply::Type::kInteger;
  reply.integer = value;
  return reply;
}

Reply Error(Failure failure, std::string text) {
  Reply reply;
  reply.failure = failure;
  reply.text = std::move(text);
  return reply;
}

std::string Bytes(const std::string& text, size_t offset, size_t count) {
  return offset >= text.size() ? "" : text.substr(offset, count);
}

}  // namespace

FakeRedis::~FakeRedis() {
  Release();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void FakeRedis::Execute(redis::Command command, std::chrono::steady_clock::time_point deadline, Done done) {
  Failure failure = Failure::kNone;
  {
    const std::lock_guard lock(mutex_);
    if (at_once_) {
      failure = failure_;
      ++calls_[command.arguments[0]];
    } else {
      pending_.push_back({std::move(command), std::move(done)});
    }
  }
  if (failure != Failure::kNone) return done(Error(failure, "at once"));
  wake_.notify_all();
}

void FakeRedis::Fail(Failure failure) {
  const std::lock_guard lock(mutex_);
  failure_ = failure;
  at_once_ = false;
}

void FakeRedis::FailAtOnce(Failure failure) {
  const std::lock_guard lock(mutex_);
  failure_ = failure;
  at_once_ = true;
}

void FakeRedis::Hold() {
  const std::lock_guard lock(mutex_);
  holding_ = true;
}

void FakeRedis::Release() {
  {
    const std::lock_guard lock(mutex_);
    holding_ = false;
  }
  wake_.notify_all();
}

void FakeRedis::set_before(std::function<void(const std::string&)> before) {
  const std::lock_guard lock(mutex_);
  before_ = std::move(before);
}

void FakeRedis::Set(const std::string& key, std::string value) {
  const std::lock_guard lock(mutex_);
  values_[key] = {std::move(value), 0, true, {}};
}

void FakeRedis::SetOtherType(const std::string& key) {
  const std::lock_guard lock(mutex_);
  values_[key] = {"", 0, false, {{"field", "value"}}};
}

std::string FakeRedis::Get(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto at = values_.find(key);
  return at == values_.end() ? "" : at->second.text;
}

int64_t FakeRedis::TtlOf(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto at = values_.find(key);
  return at == values_.end() ? -2 : at->second.ttl_ms;
}

std::map<std::string, std::string> FakeRedis::Hash(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto at = values_.find(key);
  return at == values_.end() ? std::map<std::string, std::string>() : at->second.hash;
}

void FakeRedis::Clear(bool restart) {
  const std::lock_guard lock(mutex_);
  values_.clear();
  if (restart) scripts_.clear();
}

uint64_t FakeRedis::calls(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto at = calls_.find(name);
  return at == calls_.end() ? 0 : at->second;
}

size_t FakeRedis::held() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

void FakeRedis::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !pending_.empty() || (!holding_ && !held_.empty()); });
    if (!holding_ && !held_.empty()) {
      auto [done, reply] = std::move(held_.front());
      held_.pop_front();
      lock.unlock();
      done(std::move(reply));
      lock.lock();
    } else if (!pending_.empty()) {
      Pending one = std::move(pending_.front());
      pending_.pop_front();
      if (before_) {
        const auto before = before_;
        lock.unlock();
        before(one.command.arguments[0]);
        lock.lock();
      }
      ++calls_[one.command.arguments[0]];
      Reply reply = failure_ != Failure::kNone ? Error(failure_, "as told") : Do(one.command.arguments);
      held_.emplace_back(std::move(one.done), std::move(reply));
    } else if (stopping_) {
      return;
    }
  }
}

Reply FakeRedis::Do(const std::vector<std::string>& arguments) {
  const std::string& name = arguments[0];
  if (name == "EVAL" || name == "EVALSHA") return Script(arguments);
  if (name == "SCAN") {
    Reply reply, keys;
    reply.type = keys.type = Reply::Type::kArray;
    // Like a proxy that knows nothing of MATCH.
    for (const auto& [key, value] : values_) {
      if (value.is_string) keys.elements.push_back(Text(key));
    }
    reply.elements = {Text("0"), std::move(keys)};
    return reply;
  }
  const std::string& key = arguments[1];
  const auto at = values_.find(key);
  const bool there = at != values_.end();
  if (name == "GETRANGE") {
    if (there && !at->second.is_string) return Error(Failure::kOther, "WRONGTYPE Operation against a key");
    return Text(there ? Bytes(at->second.text, 0, std::stoull(arguments[3]) + 1) : "");
  }
  if (name == "SET") {
    const Reply before = there ? Text(at->second.text) : Reply();
    values_[key] = {arguments[2], std::stoll(arguments[4]), true, {}};
    return before;
  }
  if (name == "PEXPIRE") {
    if (there) at->second.ttl_ms = std::stoll(arguments[2]);
    return Integer(there);
  }
  if (name == "HSET") {
    values_[key].is_string = false;
    return Integer(values_[key].hash.insert_or_assign(arguments[2], arguments[3]).second);
  }
  if (name == "HDEL") return Integer(there ? at->second.hash.erase(arguments[2]) : 0);
  if (name == "HGETALL") {
    Reply reply;
    reply.type = Reply::Type::kArray;
    if (!there) return reply;
    for (const auto& [field, value] : at->second.hash) {
      reply.elements.push_back(Text(field));
      reply.elements.push_back(Text(value));
    }
    return reply;
  }
  return Error(Failure::kOther, "ERR unknown command " + name);
}

Reply FakeRedis::Script(const std::vector<std::string>& arguments) {
  const bool by_text = arguments[0] == "EVAL";
  const bool applies = arguments[1] == (by_text ? kApplyScript.text : kApplyScript.sha1);
  const std::string sha1(applies ? kApplyScript.sha1 : kDeleteScript.sha1);
  if (by_text) scripts_[sha1] = true;
  if (!scripts_[sha1]) return Error(Failure::kNoScript, "NOSCRIPT No matching script");
  const std::string& key = arguments[3];
  const auto at = values_.find(key);
  const bool there = at != values_.end();
  if (!applies) {
    const bool gone = there && (!at->second.is_string || Bytes(at->second.text, 0, 16) == arguments[4]);
    if (gone) values_.erase(at);
    return Integer(gone);
  }
  int64_t result = 1;
  if (there) {
    const std::string& text = at->second.text;
    const std::string seen = Bytes(text, 8, 8);
    if (!at->second.is_string || text.size() < 16 || text.size() > 16384) {
      result = 2;
    } else if (seen != arguments[6] && seen != Bytes(arguments[4], 8, 8)) {
      return Text(text);
    }
  }
  values_[key] = {arguments[4], std::stoll(arguments[5]), true, {}};
  return Integer(result);
}

}  // namespace kindred::testing
