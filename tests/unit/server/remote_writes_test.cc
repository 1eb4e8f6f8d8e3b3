// Updates and deletions with a profile store on another machine: what is known there joins, and what must be there is
// waited for.
#include <gmock/gmock.h>

#include <future>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/unit/server/remote_store_server.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

class RemoteWritesTest : public testing::RemoteStoreServer {
 protected:
  v1::UpdateProfileResponse Update(const std::string& user, const std::string& item,
                                   const std::string& update_id = "") {
    v1::UpdateProfileRequest request;
    request.set_user_id(user);
    request.set_update_id(update_id);
    request.add_events()->set_item_id(item);
    v1::UpdateProfileResponse response;
    const grpc::Status status = Ask(&Stub::UpdateProfile, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
};

TEST_F(RemoteWritesTest, AnUpdateJoinsWhatIsKnownElsewhere) {
  Serve(&store_);
  Profile shared = ProfileOf("u", 4);
  shared.update_ids = {"theirs"};
  store_.Share(shared);
  const v1::UpdateProfileResponse first = Update("u", "item-8", "ours");
  EXPECT_EQ(first.profile_version(), 5u);
  EXPECT_EQ(first.durability(), v1::DURABILITY_JOURNAL);
  const Profile committed = store_.committed("u");
  ASSERT_EQ(committed.events.size(), 2u);
  EXPECT_EQ(committed.events[0].origin, 7u);
  EXPECT_NE(committed.events[1].origin, 0u);
  EXPECT_TRUE(Update("u", "item-8", "theirs").duplicate());
  // Elsewhere the same update has the same origin, another has another.
  Update("v", "item-8", "ours");
  EXPECT_NE(store_.committed("v").events[0].origin, committed.events[1].origin);
  Update("w", "item-8");
  Update("w", "item-9");
  const Profile random = store_.committed("w");
  EXPECT_NE(random.events[0].origin, 0u);
  EXPECT_NE(random.events[0].origin, random.events[1].origin);
}

TEST_F(RemoteWritesTest, AnUpdateGoesOnWithoutTheStoreThatAllShare) {
  Serve(&store_);
  store_.Behave("u", {.status = absl::UnavailableError("away")});
  EXPECT_EQ(Update("u", "item-1").profile_version(), 1u);
  EXPECT_EQ(Update("u", "item-2").profile_version(), 2u);
}

TEST_F(RemoteWritesTest, ADeletionCountsTheEpochUp) {
  Serve(&store_);
  Profile shared = ProfileOf("u", 4);
  shared.epoch = 2;
  store_.Share(shared);
  v1::DeleteProfileRequest request;
  request.set_user_id("u");
  v1::DeleteProfileResponse response;
  ASSERT_TRUE(Ask(&Stub::DeleteProfile, request, &response).ok());
  EXPECT_TRUE(response.existed());
  EXPECT_EQ(store_.committed("u").epoch, 3u);
  EXPECT_EQ(store_.committed("u").version, 0u);
}

TEST_F(RemoteWritesTest, DurabilityOfRedisIsWaitedForOrTheUpdateIsNotAcknowledged) {
  required_durability_ = StoreDurability::kRedis;
  Serve(&store_);
  EXPECT_EQ(Update("u", "item-1").durability(), v1::DURABILITY_REDIS);
  EXPECT_EQ(store_.awaited, 1);
  EXPECT_LE(store_.last_share_deadline(), std::chrono::steady_clock::now() + std::chrono::seconds(1));
  v1::DeleteProfileRequest deletion;
  deletion.set_user_id("u");
  v1::DeleteProfileResponse deleted;
  ASSERT_TRUE(Ask(&Stub::DeleteProfile, deletion, &deleted).ok());
  EXPECT_EQ(deleted.durability(), v1::DURABILITY_REDIS);

  store_.shares = false;
  v1::UpdateProfileRequest request;
  request.set_user_id("u");
  request.set_update_id("once");
  request.add_events()->set_item_id("item-1");
  v1::UpdateProfileResponse response;
  const grpc::Status status = Ask(&Stub::UpdateProfile, request, &response);
  EXPECT_EQ(status.error_code(), grpc::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("update_id"));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::ErrorInfo info;
  ASSERT_GT(details.details_size(), 0);
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "DURABILITY_NOT_MET");
  EXPECT_EQ(Ask(&Stub::DeleteProfile, deletion, &deleted).error_code(), grpc::UNAVAILABLE);
  store_.shares = true;
  ASSERT_TRUE(Ask(&Stub::UpdateProfile, request, &response).ok());
  EXPECT_EQ(response.durability(), v1::DURABILITY_REDIS);

  // A field that is no good is said at once, and a queue that takes no more as ever.
  request.clear_events();
  EXPECT_EQ(Ask(&Stub::UpdateProfile, request, &response).error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(RemoteWritesTest, TheServerStopsWhileAnUpdateWaitsForRedis) {
  required_durability_ = StoreDurability::kRedis;
  Serve(&store_);
  store_.Behave("u", {.at_once = true});
  store_.Hold(true);
  auto answer = std::async(std::launch::async, [this] {
    v1::UpdateProfileRequest request;
    request.set_user_id("u");
    request.add_events()->set_item_id("item-1");
    v1::UpdateProfileResponse response;
    return Ask(&Stub::UpdateProfile, request, &response);
  });
  EXPECT_TRUE(Await([this] { return store_.awaited == 1; }));
  server_->Drain(std::chrono::milliseconds(10));
  EXPECT_FALSE(answer.get().ok());
  auto stopped = std::async(std::launch::async, [this] { Halt(); });
  store_.Hold(false);
  stopped.get();
}

}  // namespace
}  // namespace kindred
