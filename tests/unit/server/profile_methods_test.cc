#include "server/profile_methods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>

#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "server/limits.h"
#include "server/profile_token.h"
#include "tests/unit/server/flaky_profile_store.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ProfileMethodsTest : public ::testing::Test {
 protected:
  ProfileMethodsTest()
      : writer_(&store_, {}),
        counters_(1),
        methods_(&models_, &store_, &writer_, &counters_),
        state_(&models_, &availability_, 0) {
    models_.Publish(testing::LoadTestModel(testing::BundleBuilder()));
  }

  absl::Status Update(const v1::UpdateProfileRequest& request, v1::UpdateProfileResponse* response) {
    std::promise<absl::Status> answered;
    methods_.UpdateProfile(request, nullptr, nullptr, response,
                           [&answered](const absl::Status& status) { answered.set_value(status); });
    return answered.get_future().get();
  }
  absl::Status Delete(const std::string& user_id, v1::DeleteProfileResponse* response) {
    v1::DeleteProfileRequest request;
    request.set_user_id(user_id);
    std::promise<absl::Status> answered;
    methods_.DeleteProfile(request, nullptr, nullptr, response,
                           [&answered](const absl::Status& status) { answered.set_value(status); });
    return answered.get_future().get();
  }
  v1::GetProfileResponse Get(const std::string& user_id, uint64_t min_version = 0) {
    v1::GetProfileRequest request;
    request.set_user_id(user_id);
    request.set_min_profile_version(min_version);
    v1::GetProfileResponse response;
    const absl::Status status = methods_.GetProfile(request, nullptr, nullptr, &state_, &response).status();
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }

  absl::Status GetMany(const v1::BatchGetProfileRequest& request, v1::BatchGetProfileResponse* response) {
    CallProgress progress;
    response->Clear();
    return methods_.BatchGetProfile(request, nullptr, &progress, &state_, response).status();
  }

  testing::FlakyProfileStore store_;
  ModelRegistry models_;
  AvailabilityRegistry availability_;
  ProfileWriter writer_;
  ServiceCounters counters_;
  ProfileMethods methods_;
  WorkerState state_;
};

v1::UpdateProfileRequest UpdateOf(const std::string& user_id, const std::string& item, int64_t seconds,
                                  v1::UpdateMode mode = v1::UPDATE_MODE_UNSPECIFIED) {
  v1::UpdateProfileRequest request;
  request.set_user_id(user_id);
  request.set_mode(mode);
  auto* event = request.add_events();
  event->set_item_id(item);
  event->mutable_time()->set_seconds(seconds);
  return request;
}

std::vector<std::string> Items(const v1::GetProfileResponse& profile) {
  std::vector<std::string> items;
  for (const auto& event : profile.events()) items.push_back(event.event().item_id());
  return items;
}

TEST_F(ProfileMethodsTest, AnUpdateAnswersWithTheProfileAsAToken) {
  v1::UpdateProfileResponse response;
  ASSERT_TRUE(Update(UpdateOf("u", "item-1", 5), &response).ok());
  EXPECT_EQ(response.profile_version(), 1u);
  EXPECT_EQ(response.durability(), v1::DURABILITY_MEMORY);
  ProfileCodecScratch scratch;
  FieldChecks checks;
  Profile carried, stored;
  ASSERT_TRUE(DecodeProfileToken("token", response.profile_token(), &scratch, &carried, &checks));
  ASSERT_TRUE(*store_.Get("u", &stored));
  for (Event& event : stored.events) event.origin = 0;  // of no use to a caller
  EXPECT_EQ(carried, stored);
  EXPECT_EQ(Get("u").profile_token(), response.profile_token());
  EXPECT_EQ(Get("nobody").profile_token(), "");
}

TEST_F(ProfileMethodsTest, ADuplicateAnswersWithTheTokenToo) {
  v1::UpdateProfileRequest request = UpdateOf("u", "item-1", 5);
  request.set_update_id("x");
  v1::UpdateProfileResponse first, second;
  ASSERT_TRUE(Update(request, &first).ok());
  ASSERT_TRUE(Update(request, &second).ok());
  EXPECT_TRUE(second.duplicate());
  EXPECT_EQ(second.profile_token(), first.profile_token());
}

TEST_F(ProfileMethodsTest, ABlendIsStoredAsAStepAndShownInOrderOfTime) {
  v1::UpdateProfileResponse response;
  ASSERT_TRUE(Update(UpdateOf("u", "item-1", 50), &response).ok());
  ASSERT_TRUE(Update(UpdateOf("u", "item-2", 20, v1::UPDATE_MODE_BLEND), &response).ok());
  ASSERT_TRUE(Update(UpdateOf("u", "item-3", 30, v1::UPDATE_MODE_HISTORY), &response).ok());
  EXPECT_EQ(response.profile_version(), 3u);
  const v1::GetProfileResponse shown = Get("u");
  EXPECT_THAT(Items(shown), ElementsAre("item-2", "item-3", "item-1"));
  Profile stored;
  ASSERT_TRUE(*store_.Get("u", &stored));
  std::vector<std::string> steps;
  for (const Event& event : stored.events) steps.push_back(StrCat(event.item_id, "@", event.blend_step));
  EXPECT_THAT(steps, ElementsAre("item-1@0", "item-2@1", "item-3@1"));
}

TEST_F(ProfileMethodsTest, BadFieldsAreNamed) {
  v1::UpdateProfileRequest request = UpdateOf("", "item-1", 5);
  request.set_mode(static_cast<v1::UpdateMode>(9));
  v1::UpdateProfileResponse response;
  const std::string message(Update(request, &response).message());
  EXPECT_THAT(message, HasSubstr("user_id is empty"));
  EXPECT_THAT(message, HasSubstr("mode is 9, expected 0 (default), 1 (history) or 2 (blend)"));
  v1::DeleteProfileResponse deleted;
  EXPECT_EQ(Delete("", &deleted).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ProfileMethodsTest, AProfileOlderThanAskedForSaysSo) {
  v1::UpdateProfileResponse response;
  ASSERT_TRUE(Update(UpdateOf("u", "item-1", 5), &response).ok());
  EXPECT_EQ(Get("u", 1).degradations_size(), 0);
  EXPECT_THAT(Get("u", 2).degradations(), ElementsAre(v1::DEGRADATION_STALE_PROFILE));
  EXPECT_EQ(counters_.degraded(DegradedMethod::kGetProfile, DegradedReason::kStaleProfile), 1u);
  store_.fail_reads = true;
  const v1::GetProfileResponse degraded = Get("u");
  EXPECT_THAT(degraded.degradations(), ElementsAre(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE));
  EXPECT_EQ(degraded.profile_version(), 0u);
  EXPECT_EQ(degraded.profile_token(), "");
}

TEST_F(ProfileMethodsTest, ADeletedProfileIsGone) {
  v1::UpdateProfileResponse updated;
  ASSERT_TRUE(Update(UpdateOf("u", "item-1", 5), &updated).ok());
  v1::DeleteProfileResponse deleted;
  ASSERT_TRUE(Delete("u", &deleted).ok());
  EXPECT_TRUE(deleted.existed());
  EXPECT_EQ(deleted.durability(), v1::DURABILITY_MEMORY);
  const v1::GetProfileResponse profile = Get("u");
  EXPECT_EQ(profile.profile_version(), 0u);
  EXPECT_FALSE(profile.has_update_time());
  EXPECT_EQ(profile.events_size(), 0);
  EXPECT_EQ(profile.profile_token(), "");
  ASSERT_TRUE(Delete("u", &deleted).ok());
  EXPECT_FALSE(deleted.existed());
  store_.fail_commits = true;
  EXPECT_EQ(Delete("u", &deleted).code(), absl::StatusCode::kUnavailable);
}

TEST_F(ProfileMethodsTest, ABatchAnswersUserByUser) {
  v1::UpdateProfileResponse updated;
  ASSERT_TRUE(Update(UpdateOf("u", "item-1", 5), &updated).ok());
  v1::BatchGetProfileRequest request;
  for (const std::string& user : {std::string("u"), std::string(), std::string(2000, 'x'), std::string("user-3"),
                                  std::string("nobody"), std::string("u")}) {
    request.add_user_ids(user);
  }
  v1::BatchGetProfileResponse response;
  ASSERT_TRUE(GetMany(request, &response).ok());
  ASSERT_EQ(response.results_size(), 6);
  for (int i : {0, 3, 4, 5}) {
    // What GetProfile says.
    EXPECT_EQ(response.results(i).profile().SerializeAsString(), Get(request.user_ids(i)).SerializeAsString());
  }
  EXPECT_TRUE(response.results(3).profile().trained());
  for (int i : {1, 2}) {
    const google::rpc::Status& status = response.results(i).status();
    EXPECT_EQ(status.code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(status.message(), HasSubstr(StrCat("user_ids[", i, "]")));
    EXPECT_EQ(status.details_size(), 2);
  }
}

TEST_F(ProfileMethodsTest, ABatchWithABadFieldOfItsOwnIsRefused) {
  v1::BatchGetProfileRequest request;
  v1::BatchGetProfileResponse response;
  EXPECT_THAT(std::string(GetMany(request, &response).message()), HasSubstr("user_ids has 0 ids, expected 1 to 1000"));
  for (int i = 0; i < 1001; ++i) request.add_user_ids("u");
  EXPECT_THAT(std::string(GetMany(request, &response).message()), HasSubstr("user_ids has 1001 ids"));
  request.mutable_user_ids()->DeleteSubrange(0, 1);
  EXPECT_TRUE(GetMany(request, &response).ok());
  EXPECT_EQ(response.results_size(), 1000);
  request.set_model("none");
  EXPECT_EQ(GetMany(request, &response).code(), absl::StatusCode::kNotFound);
  request.set_model("shop");
  request.set_space("none");
  EXPECT_EQ(GetMany(request, &response).code(), absl::StatusCode::kNotFound);
}

TEST_F(ProfileMethodsTest, WhatDoesNotFitIntoABatchSaysSoAndHarmsNobodyElse) {
  v1::UpdateProfileRequest large = UpdateOf("large", std::string(1000, 'i'), 5);
  while (large.events_size() < 256) *large.add_events() = large.events(0);
  v1::UpdateProfileResponse updated;
  ASSERT_TRUE(Update(large, &updated).ok());
  ASSERT_TRUE(Update(UpdateOf("small", "item-1", 5), &updated).ok());
  v1::BatchGetProfileRequest request;
  for (int i = 0; i < 999; ++i) request.add_user_ids(i % 100 == 99 ? std::string(1025, 'x') : "large");
  request.add_user_ids("small");
  v1::BatchGetProfileResponse response;
  ASSERT_TRUE(GetMany(request, &response).ok());
  EXPECT_LE(response.ByteSizeLong(), limits::kMaxResponseBytes);
  ASSERT_EQ(response.results_size(), 1000);
  EXPECT_EQ(response.results(0).profile().events_size(), 256);
  EXPECT_GT(response.ByteSizeLong(), limits::kMaxResponseBytes / 2);
  const google::rpc::Status& status = response.results(500).status();
  EXPECT_EQ(status.code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(status.message(), HasSubstr("ask for it in another call"));
  EXPECT_EQ(response.results(599).status().code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(response.results(999).has_profile());
}

TEST_F(ProfileMethodsTest, ABatchGoesOnWithoutTheStore) {
  store_.fail_reads = true;
  v1::BatchGetProfileRequest request;
  request.add_user_ids("user-1");
  v1::BatchGetProfileResponse response;
  ASSERT_TRUE(GetMany(request, &response).ok());
  EXPECT_THAT(response.results(0).profile().degradations(), ElementsAre(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE));
  EXPECT_EQ(counters_.degraded(DegradedMethod::kBatchGetProfile, DegradedReason::kStoreUnavailable), 1u);
}

}  // namespace
}  // namespace kindred
