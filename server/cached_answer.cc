#include "server/cached_answer.h"

#include <bit>
#include <span>
#include <utility>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "server/build_info.h"

namespace kindred {
namespace {

void AppendText(std::string_view text, std::string* out) {
  AppendLittleEndian(static_cast<uint64_t>(text.size()), out);
  out->append(text);
}

}  // namespace

AnswerIdentity IdentityOf(const Model& model, uint64_t availability, const Profile& profile,
                          const v1::RecommendRequest& request, uint64_t list_hash) {
  thread_local std::string bytes;
  bytes.clear();
  // Another release may answer otherwise, and a version may hold the same bundle as another.
  AppendText(kKindredVersion, &bytes);
  AppendText(model.name(), &bytes);
  AppendText(model.version(), &bytes);
  AppendLittleEndian(availability, &bytes);
  AppendLittleEndian(list_hash, &bytes);
  AppendLittleEndian(static_cast<uint64_t>(request.page_size()), &bytes);
  AppendLittleEndian(static_cast<uint64_t>(request.view()), &bytes);
  AppendLittleEndian(static_cast<uint64_t>(request.explain()), &bytes);
  for (const Event& event : profile.events) {
    AppendText(event.item_id, &bytes);
    AppendText(event.action, &bytes);
    AppendLittleEndian(static_cast<uint64_t>(event.time_ms), &bytes);
    AppendLittleEndian(std::bit_cast<uint64_t>(event.weight), &bytes);
    AppendLittleEndian(static_cast<uint64_t>(event.blend_step), &bytes);
  }
  AnswerIdentity identity;
  identity.model_digest = model.digest();
  identity.profile_version = profile.version;
  identity.profile_epoch = profile.epoch;
  identity.request_hash = Xxh3(std::as_bytes(std::span(bytes)));
  return identity;
}

bool CachedAnswer::Ask(AnswerCache* cache, rpc::Call* call, std::string_view user_id, AnswerIdentity identity) {
  call_ = call;
  identity_ = std::move(identity);
  pending_.store(2, std::memory_order_relaxed);
  cache->Get(user_id, identity_, call->steady_deadline(), [this](std::optional<std::string> answer) {
    answer_ = std::move(answer);
    Done();
  });
  // What the client's thread wrote before it counted down is seen here.
  if (pending_.load(std::memory_order_acquire) == 1) return true;
  call_->Pause();
  Done();
  return false;
}

void CachedAnswer::Done() {
  if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) call_->Resume();
}

}  // namespace kindred
