#include "server/profiles/answer_cache.h"

#include <algorithm>
#include <span>
#include <utility>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "core/base/str_cat.h"
#include "server/profiles/redis_store_stats.h"

namespace kindred {
namespace {

constexpr std::string_view kMagic = "KAN1";
constexpr size_t kHeaderBytes = 16, kNumbersBytes = 24;

// Of the time that a call has left, what a look-up may take.
constexpr int64_t kReadPercent = 30;
// Nobody waits for it.
constexpr std::chrono::milliseconds kWriteTime(50);

std::string KeyOf(std::string_view user_id) { return StrCat(kAnswerPrefix, user_id); }

uint64_t Checksum(std::string_view profile_key, std::string_view body) {
  std::string hashed(body);
  hashed.append(profile_key);
  return Xxh3(std::as_bytes(std::span(hashed.data(), hashed.size())));
}

}  // namespace

std::string EncodeAnswer(std::string_view profile_key, const AnswerIdentity& identity, std::string_view answer) {
  std::string body;
  AppendLittleEndian(identity.profile_version, &body);
  AppendLittleEndian(identity.profile_epoch, &body);
  AppendLittleEndian(identity.request_hash, &body);
  body += identity.model_digest;
  body += answer;
  std::string value(kMagic);
  AppendLittleEndian(static_cast<uint32_t>(identity.model_digest.size()), &value);
  AppendLittleEndian(Checksum(profile_key, body), &value);
  return value + body;
}

std::optional<std::string> DecodeAnswer(std::string_view profile_key, const AnswerIdentity& identity,
                                        std::string_view value) {
  if (value.size() < kHeaderBytes + kNumbersBytes || value.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  const auto digest_bytes = ReadLittleEndian<uint32_t>(value.substr(4));
  const auto checksum = ReadLittleEndian<uint64_t>(value.substr(8));
  const std::string_view body = value.substr(kHeaderBytes);
  if (digest_bytes > body.size() - kNumbersBytes || checksum != Checksum(profile_key, body)) return std::nullopt;
  AnswerIdentity stored;
  stored.profile_version = ReadLittleEndian<uint64_t>(body);
  stored.profile_epoch = ReadLittleEndian<uint64_t>(body.substr(8));
  stored.request_hash = ReadLittleEndian<uint64_t>(body.substr(16));
  stored.model_digest = body.substr(kNumbersBytes, digest_bytes);
  if (stored != identity) return std::nullopt;
  return std::string(body.substr(kNumbersBytes + digest_bytes));
}

AnswerCache::AnswerCache(redis::Client* client, AnswerCacheOptions options)
    : client_(client), options_(std::move(options)), ttl_ms_(std::to_string(options_.ttl.count())) {}

void AnswerCache::Get(std::string_view user_id, const AnswerIdentity& identity, Clock::time_point call_deadline,
                      Found found) {
  const Clock::time_point now = Clock::now();
  Clock::time_point deadline = now + options_.op_timeout;
  if (call_deadline != Clock::time_point::max()) {
    deadline = std::min(deadline, now + (call_deadline - now) / 100 * kReadPercent);
  }
  redis::Command command;
  command.key = KeyOf(user_id);
  command.arguments = {"GETRANGE", command.key, "0", std::to_string(kMaxBytes)};
  command.repeatable = true;
  client_->Execute(std::move(command), deadline,
                   [this, profile_key = StrCat(options_.profile_prefix, user_id), identity,
                    found = std::move(found)](const redis::Reply& reply) {
                     std::optional<std::string> answer;
                     if (reply.ok()) answer = DecodeAnswer(profile_key, identity, reply.text);
                     // Another type of key is nothing of ours, but no failure of Redis.
                     const bool asked = reply.ok() || reply.text.starts_with("WRONGTYPE");
                     Count(answer.has_value() ? &stats_.hits : asked ? &stats_.misses : &stats_.errors);
                     found(std::move(answer));
                   });
}

void AnswerCache::Put(std::string_view user_id, const AnswerIdentity& identity, std::string_view answer) {
  std::string value = EncodeAnswer(StrCat(options_.profile_prefix, user_id), identity, answer);
  if (value.size() > kMaxBytes) return;
  redis::Command command;
  command.key = KeyOf(user_id);
  command.arguments = {"SET", command.key, std::move(value), "PX", ttl_ms_};
  client_->Execute(std::move(command), Clock::now() + std::max(options_.op_timeout, kWriteTime),
                   [](const redis::Reply&) {});
}

void AnswerCache::Forget(std::string_view user_id) {
  redis::Command command;
  command.key = KeyOf(user_id);
  command.arguments = {"DEL", command.key};
  command.repeatable = true;
  client_->Execute(std::move(command), Clock::now() + std::max(options_.op_timeout, kWriteTime),
                   [](const redis::Reply&) {});
}

}  // namespace kindred
