#include "server/subject_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/profile_token.h"
#include "tests/unit/server/flaky_profile_store.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kNow = 1'000'000;

Profile ProfileOf(const std::string& user_id, uint64_t version, const std::string& item) {
  Profile profile;
  profile.user_id = user_id;
  profile.version = version;
  profile.events = {{item, "view", 1, 2.0, 0}, {item + "'", "", 0, 1.0, 1}};
  return profile;
}

class SubjectReaderTest : public ::testing::Test {
 protected:
  void Store(const Profile& profile) {
    const Profile* const pointer = &profile;
    ASSERT_TRUE(store_.Commit({&pointer, 1}).ok());
  }

  // Checks and reads; the subject is kept for as long as the reader may look at it.
  void Read(v1::Subject subject, uint64_t min_version = 0) {
    subject_ = std::move(subject);
    FieldChecks checks;
    reader_.Check("subject", subject_, &checks);
    ASSERT_TRUE(checks.ok()) << checks.status();
    reader_.Read(&store_, nullptr, subject_, min_version, kNow);
  }

  std::vector<std::string> LiveItems() const {
    std::vector<std::string> items;
    for (const EventView& event : reader_.view().live_history) items.emplace_back(event.item_id);
    return items;
  }
  std::vector<int> Degradations() const {
    google::protobuf::RepeatedField<int> degradations;
    reader_.WriteDegradations(&degradations);
    return {degradations.begin(), degradations.end()};
  }
  std::string CheckFault(const v1::Subject& subject) {
    FieldChecks checks;
    reader_.Check("subjects[7]", subject, &checks);
    return std::string(checks.status().message());
  }

  testing::FlakyProfileStore store_;
  v1::Subject subject_;
  SubjectReader reader_;
};

v1::Subject UserSubject(const std::string& user_id) {
  v1::Subject subject;
  subject.set_user_id(user_id);
  return subject;
}

v1::Subject TokenSubject(const Profile& profile) {
  v1::Subject subject;
  ProfileCodecScratch scratch;
  EncodeProfileToken(profile, &scratch, subject.mutable_profile_token());
  return subject;
}

TEST_F(SubjectReaderTest, NothingStoredIsReadForWhoeverWantsNone) {
  Store(ProfileOf("u", 5, "stored"));
  v1::Subject user = UserSubject("u");
  user.set_ignore_stored_profile(true);
  Read(user, 1);
  EXPECT_EQ(reader_.view().user_id, "u");
  EXPECT_EQ(reader_.profile().version, 0u);
  EXPECT_THAT(LiveItems(), IsEmpty());
  EXPECT_TRUE(reader_.stale());
  v1::Subject token = TokenSubject(ProfileOf("u", 3, "then"));
  token.set_ignore_stored_profile(true);
  Read(token);
  EXPECT_EQ(reader_.view().user_id, "u");
  EXPECT_EQ(reader_.profile().version, 3u);
  EXPECT_THAT(LiveItems(), ElementsAre("then", "then'"));
  EXPECT_FALSE(reader_.stale());
  Read(TokenSubject(ProfileOf("u", 3, "then")));
  EXPECT_EQ(reader_.profile().version, 5u) << "the newer one, unless told otherwise";
  v1::Subject events;
  events.set_ignore_stored_profile(true);
  events.mutable_events()->add_events()->set_item_id("i");
  Read(events);
  EXPECT_EQ(reader_.view().inline_events.size(), 1u);
  EXPECT_TRUE(reader_.view().user_id.empty());
}

TEST_F(SubjectReaderTest, AUserIsReadFromTheStore) {
  Store(ProfileOf("u", 3, "a"));
  Read(UserSubject("u"));
  EXPECT_EQ(reader_.view().user_id, "u");
  EXPECT_EQ(reader_.profile(), ProfileOf("u", 3, "a"));
  EXPECT_THAT(LiveItems(), ElementsAre("a", "a'"));
  const EventView& first = reader_.view().live_history[0];
  EXPECT_EQ(first.action, "view");
  EXPECT_EQ(first.weight, 2.0);
  EXPECT_EQ(first.time_ms, 1);
  EXPECT_EQ(reader_.view().live_history[1].blend_step, 1u);
  EXPECT_THAT(reader_.view().inline_events, IsEmpty());
  EXPECT_THAT(Degradations(), IsEmpty());
}

TEST_F(SubjectReaderTest, NobodyHasAnEmptyProfile) {
  Store(ProfileOf("u", 3, "a"));
  Read(UserSubject("u"));
  Read(UserSubject("v"));
  EXPECT_EQ(reader_.view().user_id, "v");
  EXPECT_EQ(reader_.profile(), Profile());
  EXPECT_THAT(LiveItems(), IsEmpty());
}

TEST_F(SubjectReaderTest, EventsOfTheRequestHaveDefaultsAndNoUser) {
  v1::Subject subject;
  subject.mutable_events()->add_events()->set_item_id("a");
  auto* event = subject.mutable_events()->add_events();
  event->set_item_id("b");
  event->set_weight(0.5);
  event->mutable_time()->set_seconds(2);
  Read(UserSubject("u"));
  Read(subject, 9);
  EXPECT_EQ(reader_.view().user_id, "");
  ASSERT_EQ(reader_.view().inline_events.size(), 2u);
  EXPECT_EQ(reader_.view().inline_events[0].time_ms, kNow);
  EXPECT_EQ(reader_.view().inline_events[0].weight, 1.0);
  EXPECT_EQ(reader_.view().inline_events[1].time_ms, 2000);
  EXPECT_EQ(reader_.view().inline_events[1].weight, 0.5);
  EXPECT_EQ(reader_.profile().version, 0u);
  EXPECT_THAT(Degradations(), IsEmpty());  // nobody's profile is not stale
  EXPECT_EQ(store_.counts().misses, 1u);   // of "u"
}

TEST_F(SubjectReaderTest, NoSubjectIsNobody) {
  Read(UserSubject("u"));
  Read({}, 9);
  EXPECT_EQ(reader_.view().user_id, "");
  EXPECT_THAT(reader_.view().inline_events, IsEmpty());
  EXPECT_THAT(Degradations(), IsEmpty());
}

TEST_F(SubjectReaderTest, OfTokenAndStoreTheNewerVersionCounts) {
  Read(TokenSubject(ProfileOf("u", 2, "carried")));
  EXPECT_EQ(reader_.view().user_id, "u");
  EXPECT_EQ(reader_.profile().version, 2u);
  EXPECT_THAT(LiveItems(), ElementsAre("carried", "carried'"));
  EXPECT_EQ(reader_.view().live_history[1].blend_step, 1u);

  for (const auto& [stored, expected] : {std::pair(1, "carried"), {2, "stored"}, {3, "stored"}}) {
    Store(ProfileOf("u", stored, "stored"));
    Read(TokenSubject(ProfileOf("u", 2, "carried")));
    EXPECT_EQ(reader_.view().user_id, "u");
    EXPECT_EQ(LiveItems()[0], expected) << stored;
    EXPECT_EQ(reader_.profile().version, std::max(stored, 2));
    EXPECT_THAT(Degradations(), IsEmpty());
  }
  // A deletion makes every token from before it the older one.
  Profile anew = ProfileOf("u", 1, "stored");
  anew.epoch = 1;
  Store(anew);
  Read(TokenSubject(ProfileOf("u", 2, "carried")));
  EXPECT_EQ(LiveItems()[0], "stored");
  anew.epoch = 0;
  Store(anew);
  // The token is of the request before.
  Store(ProfileOf("u", 1, "stored"));
  Read(UserSubject("u"));
  EXPECT_EQ(LiveItems()[0], "stored");
}

TEST_F(SubjectReaderTest, AStoreThatFailsDegradesAndTheTokenStands) {
  Store(ProfileOf("u", 5, "stored"));
  Read(UserSubject("u"));
  store_.fail_reads = true;
  Read(UserSubject("u"));
  EXPECT_EQ(reader_.profile().version, 0u);
  EXPECT_THAT(LiveItems(), IsEmpty());
  EXPECT_THAT(Degradations(), ElementsAre(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE));
  Read(TokenSubject(ProfileOf("u", 2, "carried")), 2);
  EXPECT_THAT(LiveItems(), ElementsAre("carried", "carried'"));
  EXPECT_THAT(Degradations(), ElementsAre(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE));
  Read(TokenSubject(ProfileOf("u", 2, "carried")), 3);
  EXPECT_THAT(Degradations(), ElementsAre(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE, v1::DEGRADATION_STALE_PROFILE));
  store_.fail_reads = false;
  Read(UserSubject("u"));
  EXPECT_THAT(Degradations(), IsEmpty());
}

TEST_F(SubjectReaderTest, AProfileOlderThanAskedForIsStale) {
  Store(ProfileOf("u", 5, "a"));
  Read(UserSubject("u"), 5);
  EXPECT_FALSE(reader_.stale());
  Read(UserSubject("u"), 6);
  EXPECT_TRUE(reader_.stale());
  EXPECT_THAT(LiveItems(), ElementsAre("a", "a'"));
  Read(TokenSubject(ProfileOf("u", 6, "b")), 6);
  EXPECT_FALSE(reader_.stale());
  Read(UserSubject("nobody"), 1);
  EXPECT_TRUE(reader_.stale());
  reader_.ReadUser(&store_, nullptr, "u", 6);
  EXPECT_TRUE(reader_.stale());

  ServiceCounters counters(2);
  reader_.CountDegradations(1, DegradedMethod::kRecommend, &counters);
  EXPECT_EQ(counters.degraded(DegradedMethod::kRecommend, DegradedReason::kStaleProfile), 1u);
  EXPECT_EQ(counters.degraded(DegradedMethod::kRecommend, DegradedReason::kStoreUnavailable), 0u);
  EXPECT_EQ(counters.degraded(DegradedMethod::kGetProfile, DegradedReason::kStaleProfile), 0u);
}

TEST_F(SubjectReaderTest, WhatWasFetchedIsTakenAndSaysWhatItLacks) {
  Store(ProfileOf("u", 9, "stored"));
  FetchedProfile fetched;
  fetched.profile = ProfileOf("u", 4, "fetched");
  const auto read = [&](const v1::Subject& subject, uint64_t min_version) {
    subject_ = subject;
    FieldChecks checks;
    reader_.Check("subject", subject_, &checks);
    ASSERT_TRUE(checks.ok()) << checks.status();
    reader_.Read(&store_, &fetched, subject_, min_version, kNow);
  };
  read(UserSubject("u"), 0);
  EXPECT_EQ(reader_.profile().version, 4u);
  EXPECT_THAT(LiveItems(), ElementsAre("fetched", "fetched'"));
  EXPECT_THAT(Degradations(), IsEmpty());
  read(UserSubject("u"), 5);
  EXPECT_THAT(Degradations(), ElementsAre(v1::DEGRADATION_STALE_PROFILE));
  fetched.stale = true;
  fetched.status = absl::UnavailableError("away");
  read(UserSubject("u"), 0);
  EXPECT_EQ(reader_.profile().version, 4u) << "the last that is known";
  EXPECT_THAT(Degradations(), ElementsAre(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE, v1::DEGRADATION_STALE_PROFILE));
  read(TokenSubject(ProfileOf("u", 5, "token")), 5);
  EXPECT_EQ(reader_.profile().version, 5u);
  EXPECT_THAT(Degradations(), ElementsAre(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE)) << "the token is not stale";
  read(TokenSubject(ProfileOf("u", 3, "token")), 0);
  EXPECT_THAT(LiveItems(), ElementsAre("fetched", "fetched'"));
  v1::Subject inline_events;
  inline_events.mutable_events()->add_events()->set_item_id("x");
  read(inline_events, 0);
  EXPECT_THAT(Degradations(), IsEmpty());
  EXPECT_EQ(reader_.profile().version, 0u);
}

TEST_F(SubjectReaderTest, FaultsNameTheirField) {
  EXPECT_EQ(CheckFault({}), "");
  EXPECT_THAT(CheckFault(UserSubject("")), HasSubstr("subjects[7].user_id is empty"));
  EXPECT_THAT(CheckFault(UserSubject(std::string(1025, 'x'))), HasSubstr("subjects[7].user_id is 1025 bytes"));
  v1::Subject events;
  events.mutable_events();
  EXPECT_EQ(CheckFault(events), "");
  events.mutable_events()->add_events()->set_item_id("");
  EXPECT_THAT(CheckFault(events), HasSubstr("subjects[7].events.events[0].item_id is empty"));
  v1::Subject token;
  token.set_profile_token("no token at all");
  EXPECT_THAT(CheckFault(token), HasSubstr("subjects[7].profile_token is not a profile token"));
  token.set_profile_token("");
  EXPECT_THAT(CheckFault(token), HasSubstr("subjects[7].profile_token is not a profile token"));
}

}  // namespace
}  // namespace kindred
