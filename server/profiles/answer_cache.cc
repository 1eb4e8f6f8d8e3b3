#include "server/profiles/answer_cache.h"

#include <span>
#include <utility>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

constexpr std::string_view kMagic = "KAN1";
constexpr size_t kHeaderBytes = 16, kNumbersBytes = 24;

uint64_t Checksum(std::string_view user_id, std::string_view body) {
  std::string hashed(body);
  hashed.append(user_id);
  return Xxh3(std::as_bytes(std::span(hashed.data(), hashed.size())));
}

}  // namespace

std::string EncodeAnswer(std::string_view user_id, const AnswerIdentity& identity, std::string_view answer) {
  std::string body;
  AppendLittleEndian(identity.profile_version, &body);
  AppendLittleEndian(identity.profile_epoch, &body);
  AppendLittleEndian(identity.request_hash, &body);
  body += identity.model_digest;
  body += answer;
  std::string value(kMagic);
  AppendLittleEndian(static_cast<uint32_t>(identity.model_digest.size()), &value);
  AppendLittleEndian(Checksum(user_id, body), &value);
  return value + body;
}

std::optional<std::string> DecodeAnswer(std::string_view user_id, const AnswerIdentity& identity,
                                        std::string_view value) {
  if (value.size() < kHeaderBytes + kNumbersBytes || value.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  const auto digest_bytes = ReadLittleEndian<uint32_t>(value.substr(4));
  const auto checksum = ReadLittleEndian<uint64_t>(value.substr(8));
  const std::string_view body = value.substr(kHeaderBytes);
  if (digest_bytes > body.size() - kNumbersBytes || checksum != Checksum(user_id, body)) return std::nullopt;
  AnswerIdentity stored;
  stored.profile_version = ReadLittleEndian<uint64_t>(body);
  stored.profile_epoch = ReadLittleEndian<uint64_t>(body.substr(8));
  stored.request_hash = ReadLittleEndian<uint64_t>(body.substr(16));
  stored.model_digest = body.substr(kNumbersBytes, digest_bytes);
  if (stored != identity) return std::nullopt;
  return std::string(body.substr(kNumbersBytes + digest_bytes));
}

AnswerCache::AnswerCache(redis::Client* client, std::string key_prefix, std::chrono::milliseconds ttl)
    : client_(client), key_prefix_(std::move(key_prefix)), ttl_ms_(std::to_string(ttl.count())) {}

void AnswerCache::Get(std::string_view user_id, const AnswerIdentity& identity, Clock::time_point deadline,
                      Found found) {
  redis::Command command;
  command.key = KeyOf(user_id);
  command.arguments = {"GETRANGE", command.key, "0", std::to_string(kMaxBytes)};
  command.repeatable = true;
  client_->Execute(std::move(command), deadline,
                   [user_id = std::string(user_id), identity, found = std::move(found)](const redis::Reply& reply) {
                     found(reply.ok() ? DecodeAnswer(user_id, identity, reply.text) : std::nullopt);
                   });
}

void AnswerCache::Put(std::string_view user_id, const AnswerIdentity& identity, std::string_view answer,
                      Clock::time_point deadline) {
  std::string value = EncodeAnswer(user_id, identity, answer);
  if (value.size() > kMaxBytes) return;
  redis::Command command;
  command.key = KeyOf(user_id);
  command.arguments = {"SET", command.key, std::move(value), "PX", ttl_ms_};
  client_->Execute(std::move(command), deadline, [](const redis::Reply&) {});
}

std::string AnswerCache::KeyOf(std::string_view user_id) const {
  return StrCat(key_prefix_, "recommendations:user:", user_id);
}

}  // namespace kindred
