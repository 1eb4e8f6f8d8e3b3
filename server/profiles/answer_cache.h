// Whole answers in Redis, one a user, under recommendations:user:{id}: the last list that any server made for the user.
// It counts only for the same request, the same model and the same profile; anything else, and anything damaged, is a
// miss. Thread-safe; waits for nobody.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "server/redis/client.h"

namespace kindred {

// Stands before the user id in a key.
inline constexpr std::string_view kAnswerPrefix = "recommendations:user:";

// What an answer depends on.
struct AnswerIdentity {
  std::string model_digest;
  uint64_t profile_version = 0;
  uint64_t profile_epoch = 0;
  uint64_t request_hash = 0;  // of all that shapes the answer, the user apart

  friend bool operator==(const AnswerIdentity&, const AnswerIdentity&) = default;
};

// An answer as a value, and back; nothing when the value is damaged, another user's, or of another identity. The user
// goes by the key of the profile, which servers with another key_prefix have elsewhere. The value:
//
//   offset 0  magic "KAN1"
//          4  u32 size of the digest
//          8  u64 XXH3 over all that follows and the key of the profile
//         16  u64 profile version, u64 profile epoch, u64 request hash, the digest, the answer
std::string EncodeAnswer(std::string_view profile_key, const AnswerIdentity& identity, std::string_view answer);
std::optional<std::string> DecodeAnswer(std::string_view profile_key, const AnswerIdentity& identity,
                                        std::string_view value);

struct AnswerCacheOptions {
  std::string profile_prefix = "profile:";  // what stands before a user id in the key of a profile
  std::chrono::milliseconds ttl = std::chrono::hours(1);
  std::chrono::milliseconds op_timeout{5};
};

// What became of look-ups.
struct AnswerCacheStats {
  std::atomic<uint64_t> hits{0};
  std::atomic<uint64_t> misses{0};  // no answer, another one's, or a damaged one
  std::atomic<uint64_t> errors{0};  // Redis did not say in time, or not at all
};

class AnswerCache {
 public:
  // Larger answers are not kept.
  static constexpr size_t kMaxBytes = 64u << 10;
  using Clock = std::chrono::steady_clock;
  using Found = std::function<void(std::optional<std::string>)>;

  // `client` must outlive this, and this the look-ups that are under way.
  AnswerCache(redis::Client* client, AnswerCacheOptions options);

  // Calls `found` once, with the answer or nothing, on the client's thread or before this returns; after op_timeout or
  // 30 % of what is left until `call_deadline` at the latest. It must not block.
  void Get(std::string_view user_id, const AnswerIdentity& identity, Clock::time_point call_deadline, Found found);
  // Keeps an answer. Nobody hears whether that succeeded.
  void Put(std::string_view user_id, const AnswerIdentity& identity, std::string_view answer);
  // Deletes what is kept for a user. Nobody hears whether that succeeded; what is left is never served, since the
  // user's profile is another then.
  void Forget(std::string_view user_id);

  const AnswerCacheStats& stats() const { return stats_; }

 private:
  redis::Client* const client_;
  const AnswerCacheOptions options_;
  const std::string ttl_ms_;
  AnswerCacheStats stats_;
};

}  // namespace kindred
