// The answer of one call as another call may have left it in the cache of answers: what it depends on, and the look-up,
// for which the call is paused. For the worker's thread; only the cache ends look-ups on others.
//
// Use: Ask, and when that says so, or when the call has been resumed, found(identity). REQUIRES: not destroyed while
// the call is paused; a call that is paused does not end, so who lives in its state is safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/engine/model.h"
#include "core/profile/profile.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/profiles/answer_cache.h"
#include "server/rpc/call.h"

namespace kindred {

// What decides the answer to `request`, whose list has the hash `list_hash` (RecommendReader). `availability`: the
// checksum of the items that are out. Of the profile not only
// the version: two servers may have given the same one to different updates, until they hear of each other. Not the
// clock, by which the events of a profile count for less as they age. O(events of the profile).
AnswerIdentity IdentityOf(const Model& model, uint64_t availability, const Profile& profile,
                          const v1::RecommendRequest& request, uint64_t list_hash);

class CachedAnswer {
 public:
  CachedAnswer() = default;
  CachedAnswer(const CachedAnswer&) = delete;
  CachedAnswer& operator=(const CachedAnswer&) = delete;

  // Looks once for the user's answer. True: found() says what came of it. False: the call is paused until it does.
  bool Ask(AnswerCache* cache, rpc::Call* call, std::string_view user_id, AnswerIdentity identity);
  // The answer; nullptr when there is none, or `identity` is no longer what was asked for.
  const std::string* found(const AnswerIdentity& identity) const {
    return answer_.has_value() && identity == identity_ ? &*answer_ : nullptr;
  }

 private:
  void Done();

  rpc::Call* call_ = nullptr;
  AnswerIdentity identity_;
  std::optional<std::string> answer_;
  std::atomic<uint32_t> pending_{0};  // the look-up, and one more until Ask has paused the call
};

}  // namespace kindred
