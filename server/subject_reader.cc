#include "server/subject_reader.h"

#include <utility>

#include "server/profile_token.h"
#include "server/request_events.h"

namespace kindred {

void SubjectReader::Check(std::string_view field, const v1::Subject& subject, FieldChecks* checks) {
  ClearProfile(&carried_);
  path_.assign(field);
  switch (subject.subject_case()) {
    case v1::Subject::kUserId:
      checks->Id(path_.append(".user_id"), subject.user_id());
      return;
    case v1::Subject::kEvents:
      checks->Events(path_.append(".events.events"), subject.events().events(), 0);
      return;
    case v1::Subject::kProfileToken:
      DecodeProfileToken(path_.append(".profile_token"), subject.profile_token(), &scratch_, &carried_, checks);
      return;
    case v1::Subject::SUBJECT_NOT_SET:
      return;
  }
}

void SubjectReader::Start(const v1::Subject& subject, uint64_t min_profile_version, size_t place,
                          ProfileReads* reads) const {
  if (subject.ignore_stored_profile()) return;
  if (subject.has_user_id()) return reads->Start(place, subject.user_id(), min_profile_version);
  // A token that is new enough spares the store the search.
  const uint64_t wanted = carried_.version >= min_profile_version ? 0 : min_profile_version;
  if (subject.has_profile_token()) reads->Start(place, carried_.user_id, wanted);
}

void SubjectReader::Read(ProfileStore* store, const FetchedProfile* fetched, const v1::Subject& subject,
                         uint64_t min_profile_version, int64_t now_ms) {
  now_ms_ = now_ms;
  if (subject.ignore_stored_profile()) {
    Clear();
    if (subject.has_profile_token()) profile_ = &carried_;
    if (subject.has_user_id() || subject.has_profile_token()) {
      return UseProfile(subject.has_user_id() ? subject.user_id() : carried_.user_id, min_profile_version);
    }
  }
  if (subject.has_user_id()) return ReadUser(store, fetched, subject.user_id(), min_profile_version);
  if (subject.has_profile_token()) return ReadStored(store, fetched, carried_.user_id, true, min_profile_version);
  Clear();
  AppendEventViews(subject.events().events(), now_ms, &inline_events_);
  view_.inline_events = inline_events_;
}

void SubjectReader::ReadUser(ProfileStore* store, const FetchedProfile* fetched, std::string_view user_id,
                             uint64_t min_profile_version) {
  ReadStored(store, fetched, user_id, false, min_profile_version);
}

void SubjectReader::ReadStored(ProfileStore* store, const FetchedProfile* fetched, std::string_view user_id,
                               bool has_token, uint64_t min_profile_version) {
  Clear();
  if (fetched != nullptr) {
    profile_ = &fetched->profile;
    store_unavailable_ = !fetched->status.ok();
    stale_ = fetched->stale;
  } else {
    store_unavailable_ = !store->Get(user_id, &stored_).ok();
  }
  const auto age = [](const Profile& profile) { return std::pair(profile.epoch, profile.version); };
  if (has_token && age(carried_) > age(*profile_)) {
    profile_ = &carried_;
    stale_ = false;
  }
  UseProfile(user_id, min_profile_version);
}

void SubjectReader::UseProfile(std::string_view user_id, uint64_t min_profile_version) {
  stale_ |= profile_->version < min_profile_version;
  live_history_.reserve(profile_->events.size());
  for (const Event& event : profile_->events) {
    live_history_.push_back({event.item_id, event.weight, event.action, event.time_ms, event.blend_step});
  }
  view_.user_id = user_id;
  view_.live_history = live_history_;
}

void SubjectReader::Clear() {
  ClearProfile(&stored_);
  profile_ = &stored_;
  live_history_.clear();
  inline_events_.clear();
  view_ = {};
  store_unavailable_ = false;
  stale_ = false;
}

void SubjectReader::WriteDegradations(google::protobuf::RepeatedField<int>* out) const {
  if (store_unavailable_) out->Add(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE);
  if (stale_) out->Add(v1::DEGRADATION_STALE_PROFILE);
}

void SubjectReader::CountDegradations(uint32_t worker, DegradedMethod method, ServiceCounters* counters) const {
  if (store_unavailable_) counters->CountDegraded(worker, method, DegradedReason::kStoreUnavailable);
  if (stale_) counters->CountDegraded(worker, method, DegradedReason::kStaleProfile);
}

}  // namespace kindred
