// Recommend with whole answers kept in Redis: what is served from there is what would have been computed, or nothing.
#include "server/cached_answer.h"

#include <gmock/gmock.h>

#include <future>

#include "core/base/str_cat.h"
#include "tests/unit/server/profiles/fake_redis.h"
#include "tests/unit/server/remote_store_server.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;

const char kKey[] = "recommendations:user:ann";

class CachedAnswerTest : public testing::RemoteStoreServer {
 protected:
  CachedAnswerTest() {
    answers_ = &cache_;
    store_.Share(ProfileOf("ann", 1));
    request_.mutable_subject()->set_user_id("ann");
    request_.set_page_size(5);
  }
  // Also when the test has failed.
  ~CachedAnswerTest() override {
    redis_.Release();
    store_.Hold(false);
    Stop(std::chrono::seconds(20));
  }

  v1::RecommendResponse Answer() {
    v1::RecommendResponse response;
    const grpc::Status status = Ask(&Stub::Recommend, request_, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  uint64_t hits() const { return cache_.stats().hits.load(); }
  uint64_t misses() const { return cache_.stats().misses.load(); }
  uint64_t errors() const { return cache_.stats().errors.load(); }
  // Has the answer computed, whatever is kept.
  v1::RecommendResponse Computed() {
    AwaitKept();
    redis_.Clear(false);
    const uint64_t before = misses();
    const v1::RecommendResponse response = Answer();
    EXPECT_EQ(misses(), before + 1);
    return response;
  }
  // What was kept of the last answer is of no use for the next, which is as it would be without.
  void ExpectNotServed(const std::string& what) {
    const uint64_t hits_before = hits(), misses_before = misses();
    const v1::RecommendResponse response = Answer();
    EXPECT_EQ(hits(), hits_before) << what;
    EXPECT_EQ(misses(), misses_before + 1) << what;
    EXPECT_EQ(response.SerializeAsString(), Computed().SerializeAsString()) << what;
    AwaitKept();
    EXPECT_EQ(Answer().SerializeAsString(), response.SerializeAsString()) << what;
    EXPECT_EQ(hits(), hits_before + 1) << what;
  }
  // Nobody waits for what is kept: every answer that was not found.
  void AwaitKept() {
    EXPECT_TRUE(Await([this] { return redis_.calls("SET") == misses(); }));
    EXPECT_NE(redis_.Get(kKey), "");
  }
  void TakeOut(std::vector<std::string_view> ids, uint64_t version) {
    availability_.Publish(std::make_shared<const UnavailableItems>(ids, version));
  }

  testing::FakeRedis redis_;
  AnswerCache cache_{&redis_, {}};
  v1::RecommendRequest request_;
};

TEST_F(CachedAnswerTest, AHitIsTheAnswerThatWasComputed) {
  Serve(&store_);
  const v1::RecommendResponse computed = Answer();
  EXPECT_EQ(computed.items_size(), 5);
  EXPECT_EQ(computed.profile_version(), 1u);
  EXPECT_FALSE(computed.next_page_token().empty());
  AwaitKept();
  EXPECT_EQ(redis_.TtlOf(kKey), 3'600'000);
  const uint64_t answers = service_->counters().answers(AnswerSource::kLiveProfile);
  EXPECT_EQ(Answer().SerializeAsString(), computed.SerializeAsString());
  EXPECT_EQ(hits(), 1u);
  EXPECT_EQ(misses(), 1u);
  EXPECT_EQ(redis_.calls("SET"), 1u) << "written again although it was there";
  EXPECT_EQ(service_->counters().answers(AnswerSource::kLiveProfile), answers + 1) << "an answer all the same";

  // The next page is not kept, nor in the way of the first.
  v1::RecommendRequest next = request_;
  next.set_page_token(computed.next_page_token());
  v1::RecommendResponse page;
  ASSERT_TRUE(Ask(&Stub::Recommend, next, &page).ok());
  EXPECT_NE(page.items(0).item_id(), computed.items(0).item_id());
  EXPECT_EQ(Answer().SerializeAsString(), computed.SerializeAsString());
  EXPECT_EQ(hits(), 2u);
  EXPECT_EQ(misses(), 1u);
}

TEST_F(CachedAnswerTest, WhateverShapesAnAnswerHasToBeTheSame) {
  Serve(&store_);
  Answer();
  AwaitKept();
  request_.set_page_size(6);
  ExpectNotServed("page size");
  request_.set_view(v1::ITEM_VIEW_FULL);
  ExpectNotServed("view");
  request_.set_explain(true);
  ExpectNotServed("explanation");
  request_.set_include_seen(true);
  ExpectNotServed("seen items");
  request_.add_exclude_item_ids("item-7");
  ExpectNotServed("exclusion");
  request_.set_min_score(-1e6);
  ExpectNotServed("lowest score");
  request_.mutable_diversity()->set_lambda(0.5);
  ExpectNotServed("diversity");
  v1::Boost* boost = request_.add_boosts();
  boost->mutable_item_ids()->add_ids("item-9");
  boost->set_amount(1);
  ExpectNotServed("boost");
  for (int i = 10; i < 60; ++i) request_.add_candidate_item_ids(StrCat("item-", i));
  ExpectNotServed("candidates");
}

TEST_F(CachedAnswerTest, AnUpdateOfTheProfileIsSeen) {
  Serve(&store_);
  Answer();
  AwaitKept();
  store_.Share(ProfileOf("ann", 2));
  ExpectNotServed("version");
  Profile profile = ProfileOf("ann", 2);
  profile.epoch = 1;
  store_.Share(profile);
  ExpectNotServed("epoch");
  // Two servers that took different updates at the same time.
  profile.events[0].item_id = "item-40";
  store_.Share(profile);
  ExpectNotServed("item of an event");
  profile.events[0].weight = 2;
  store_.Share(profile);
  ExpectNotServed("weight of an event");
  profile.events[0].time_ms += 1;
  store_.Share(profile);
  ExpectNotServed("time of an event");
  profile.events[0].action = "purchase";
  store_.Share(profile);
  ExpectNotServed("action of an event");
}

TEST_F(CachedAnswerTest, ASwapAndItemsThatGoOutAreSeen) {
  Serve(&store_);
  const v1::RecommendResponse first = Answer();
  AwaitKept();
  const std::string digest = Publish(2);
  ExpectNotServed("generation");
  const v1::RecommendResponse second = Answer();
  EXPECT_EQ(second.digest(), digest);
  EXPECT_NE(second.digest(), first.digest());

  const std::string top = second.items(0).item_id();
  TakeOut({top}, 1);
  ExpectNotServed("an item is out");
  const v1::RecommendResponse without = Answer();
  for (const auto& item : without.items()) EXPECT_NE(item.item_id(), top);
  // As on another server that counts its own changes.
  const std::string other = without.items(0).item_id();
  TakeOut({other}, 1);
  ExpectNotServed("another item is out");
  const v1::RecommendResponse last = Answer();
  for (const auto& item : last.items()) EXPECT_NE(item.item_id(), other);
}

TEST_F(CachedAnswerTest, ASwapWhileACallWaitsForTheCacheIsSeen) {
  Serve(&store_);
  Answer();
  AwaitKept();
  redis_.Hold();
  auto answer = std::async(std::launch::async, [this] { return Answer(); });
  EXPECT_TRUE(Await([this] { return redis_.held() == 1; }));
  const std::string digest = Publish(2);
  redis_.Release();
  EXPECT_EQ(answer.get().digest(), digest);
}

TEST_F(CachedAnswerTest, WhatIsDamagedIsComputedAnew) {
  Serve(&store_);
  const std::string computed = Answer().SerializeAsString();
  AwaitKept();
  const std::string kept = redis_.Get(kKey);
  for (size_t i = 0; i < kept.size(); i += 37) {
    std::string damaged = kept;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    redis_.Set(kKey, damaged);
    EXPECT_EQ(Answer().SerializeAsString(), computed) << i;
    EXPECT_TRUE(Await([&] { return redis_.Get(kKey) == kept; })) << "not mended";
  }
  EXPECT_EQ(hits(), 0u);
  // No answer in spite of its checksum.
  const ModelHandle model = models_.Find("");
  RecommendReader reader;
  const AnswerIdentity identity = IdentityOf(*model, 0, ProfileOf("ann", 1), request_, reader.ListHash(request_));
  redis_.Set(kKey, EncodeAnswer("profile:ann", identity, "\xFF\xFF"));
  EXPECT_EQ(Answer().SerializeAsString(), computed);
  EXPECT_EQ(hits(), 1u) << "the identity is another than the server's";
}

TEST_F(CachedAnswerTest, DegradedReadsAreNeitherServedNorKept) {
  Serve(&store_);
  Answer();
  AwaitKept();
  for (const bool stale : {false, true}) {
    testing::RemoteProfileStore::Behaviour behaviour;
    behaviour.stale = stale;
    if (!stale) behaviour.status = absl::UnavailableError("away");
    store_.Behave("ann", behaviour);
    EXPECT_THAT(Answer().degradations(),
                ElementsAre(stale ? v1::DEGRADATION_STALE_PROFILE : v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE));
  }
  EXPECT_EQ(redis_.calls("GETRANGE"), 1u);
  EXPECT_EQ(redis_.calls("SET"), 1u);
}

TEST_F(CachedAnswerTest, ARedisThatFailsIsDoneWithout) {
  Serve(&store_);
  const std::string computed = Answer().SerializeAsString();
  redis_.FailAtOnce(redis::Failure::kBreakerOpen);
  EXPECT_EQ(Answer().SerializeAsString(), computed);
  redis_.Fail(redis::Failure::kTimeout);
  EXPECT_EQ(Answer().SerializeAsString(), computed);
  EXPECT_EQ(errors(), 2u);
  EXPECT_EQ(hits(), 0u);
}

TEST_F(CachedAnswerTest, OnlyListsForUsersAreLookedFor) {
  Serve(&store_);
  request_.mutable_subject()->mutable_events()->add_events()->set_item_id("item-5");
  Answer();
  request_.clear_subject();
  Answer();
  v1::BatchRecommendRequest batch;
  batch.add_subjects()->set_user_id("ann");
  v1::BatchRecommendResponse response;
  ASSERT_TRUE(Ask(&Stub::BatchRecommend, batch, &response).ok());
  EXPECT_EQ(redis_.calls("GETRANGE") + redis_.calls("SET"), 0u);
}

TEST_F(CachedAnswerTest, WithoutACacheNothingIsAsked) {
  answers_ = nullptr;
  Serve(&store_);
  Answer();
  Answer();
  EXPECT_EQ(redis_.calls("GETRANGE") + redis_.calls("SET"), 0u);
}

}  // namespace
}  // namespace kindred
