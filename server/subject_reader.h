// Whom a request is about, made ready for the engine: checks v1::Subject, reads the stored profile, weighs a profile
// token against it. Holds one subject at a time and keeps its capacity from one to the next; a batch whose subjects
// live side by side has a reader for each. Not thread-safe.
//
// Use: Check, and when nothing is wrong Read; what is read is good until the next Check, Read or ReadUser.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/subject_resolver.h"
#include "core/profile/profile.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/field_checks.h"
#include "server/profile_codec.h"
#include "server/profile_reads.h"
#include "server/profile_store.h"
#include "server/service_counters.h"

namespace kindred {

class SubjectReader {
 public:
  SubjectReader() = default;
  SubjectReader(const SubjectReader&) = delete;
  SubjectReader& operator=(const SubjectReader&) = delete;

  // Adds what is wrong with `subject` to *checks; `field` is its path in the request, such as "subject".
  void Check(std::string_view field, const v1::Subject& subject, FieldChecks* checks);

  // The user of the subject that was checked last, by id or by token; empty when it has none.
  std::string_view user_id(const v1::Subject& subject) const {
    return subject.has_user_id() ? std::string_view(subject.user_id()) : std::string_view(carried_.user_id);
  }

  // Where the store is remote: begins to read what Read needs of the subject that was checked last, if anything.
  void Start(const v1::Subject& subject, uint64_t min_profile_version, size_t place, ProfileReads* reads) const;

  // Reads the subject that was checked last, which must live as long as it is used. Of a token's profile and the stored
  // one of its user the newer one is taken, by epoch and then by version; the stored one where they are the same. A
  // store that cannot be read is no error, and what it knew last is used: see store_unavailable(). `now_ms`: the time
  // of events that have none. `fetched`: what was read for Start, and lives as long; nullptr: it is read here, by one
  // Get of the store, or none for a subject without a user or one that wants nothing stored.
  void Read(ProfileStore* store, const FetchedProfile* fetched, const v1::Subject& subject,
            uint64_t min_profile_version, int64_t now_ms);
  // As Read of a subject that is the user `user_id`.
  void ReadUser(ProfileStore* store, const FetchedProfile* fetched, std::string_view user_id,
                uint64_t min_profile_version);

  // That of the last Read.
  int64_t now_ms() const { return now_ms_; }
  // For the engine. `user_id` is empty where the subject has no user.
  const SubjectView& view() const { return view_; }
  // The profile that is used; of version 0 when there is none.
  const Profile& profile() const { return *profile_; }
  bool store_unavailable() const { return store_unavailable_; }
  // The profile is older than min_profile_version, as far as the store could tell. Never of a subject without a user.
  bool stale() const { return stale_; }
  // Appends what the answer has to do without, and counts it.
  void WriteDegradations(google::protobuf::RepeatedField<int>* out) const;
  void CountDegradations(uint32_t worker, DegradedMethod method, ServiceCounters* counters) const;

 private:
  void Clear();
  // Makes the view of `profile_`.
  void UseProfile(std::string_view user_id, uint64_t min_profile_version);
  void ReadStored(ProfileStore* store, const FetchedProfile* fetched, std::string_view user_id, bool has_token,
                  uint64_t min_profile_version);

  Profile stored_, carried_;  // the store's and the token's
  const Profile* profile_ = &stored_;
  std::vector<EventView> live_history_, inline_events_;
  SubjectView view_;
  int64_t now_ms_ = 0;
  bool store_unavailable_ = false;
  bool stale_ = false;
  ProfileCodecScratch scratch_;
  std::string path_;
};

}  // namespace kindred
