// Whole answers in Redis, one a user, under recommendations:user:{id}: the last list that any server made for the user.
// It counts only for the same request, the same model and the same profile; anything else, and anything damaged, is a
// miss. Thread-safe; waits for nobody.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/redis/client.h"

namespace kindred {

// What an answer depends on.
struct AnswerIdentity {
  std::string model_digest;
  uint64_t profile_version = 0;
  uint64_t profile_epoch = 0;
  uint64_t request_hash = 0;  // of all that shapes the answer, the user apart

  friend bool operator==(const AnswerIdentity&, const AnswerIdentity&) = default;
};

// An answer as a value, and back; nothing when the value is damaged, another user's, or of another identity. The value:
//
//   offset 0  magic "KAN1"
//          4  u32 size of the digest
//          8  u64 XXH3 over all that follows and the user id
//         16  u64 profile version, u64 profile epoch, u64 request hash, the digest, the answer
std::string EncodeAnswer(std::string_view user_id, const AnswerIdentity& identity, std::string_view answer);
std::optional<std::string> DecodeAnswer(std::string_view user_id, const AnswerIdentity& identity,
                                        std::string_view value);

class AnswerCache {
 public:
  // Larger answers are not kept.
  static constexpr size_t kMaxBytes = 64u << 10;
  using Clock = std::chrono::steady_clock;
  using Found = std::function<void(std::optional<std::string>)>;

  // `client` must outlive this and what is under way.
  AnswerCache(redis::Client* client, std::string key_prefix, std::chrono::milliseconds ttl = std::chrono::hours(1));

  // Calls `found` once, at `deadline` at the latest, with the answer or nothing; on the client's thread or before this
  // returns. It must not block.
  void Get(std::string_view user_id, const AnswerIdentity& identity, Clock::time_point deadline, Found found);
  // Keeps an answer. Nobody hears whether that succeeded.
  void Put(std::string_view user_id, const AnswerIdentity& identity, std::string_view answer,
           Clock::time_point deadline);

 private:
  std::string KeyOf(std::string_view user_id) const;

  redis::Client* const client_;
  const std::string key_prefix_;
  const std::string ttl_ms_;
};

}  // namespace kindred
