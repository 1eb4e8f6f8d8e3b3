#include "clients/cpp/recommend_client.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "absl/synchronization/notification.h"

namespace kindred {
namespace {

// A service that fails the first `failures` calls with `code`, and records how often it was called.
class FailingService final : public v1::RecommendationService::Service {
 public:
  grpc::Status Recommend(grpc::ServerContext*, const v1::RecommendRequest* request,
                         v1::RecommendResponse* response) override {
    response->add_items()->set_item_id(request->subject().user_id());
    return Next();
  }
  grpc::Status UpdateProfile(grpc::ServerContext*, const v1::UpdateProfileRequest*,
                             v1::UpdateProfileResponse* response) override {
    response->set_profile_version(1);
    return Next();
  }
  grpc::Status GetProfile(grpc::ServerContext* context, const v1::GetProfileRequest*,
                          v1::GetProfileResponse*) override {
    release.WaitForNotification();
    return grpc::Status::OK;
  }

  // Three messages; a failure comes before them, with `fails_last` behind them.
  grpc::Status StreamRecommend(grpc::ServerContext*, const v1::StreamRecommendRequest*,
                               grpc::ServerWriter<v1::StreamRecommendResponse>* writer) override {
    if (failures > 0 && !fails_last) return Next();
    v1::StreamRecommendResponse message;
    for (int m = 0; m < 3; ++m) {
      message.set_first(m);
      writer->Write(message);
    }
    return Next();
  }

  std::atomic<bool> fails_last{false};
  std::atomic<int> calls{0};
  std::atomic<int> failures{0};
  std::atomic<grpc::StatusCode> code{grpc::UNAVAILABLE};
  absl::Notification release;

 private:
  grpc::Status Next() {
    ++calls;
    if (failures > 0) {
      --failures;
      return grpc::Status(code, "made to fail");
    }
    return grpc::Status::OK;
  }
};

class RecommendClientTest : public testing::Test {
 protected:
  RecommendClientTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~RecommendClientTest() override {
    if (!service_.release.HasBeenNotified()) service_.release.Notify();
    server_->Shutdown();
  }

  RecommendClient Client(RecommendClientOptions options = {}) {
    options.first_backoff = absl::Milliseconds(1);
    return RecommendClient("127.0.0.1:" + std::to_string(port_), options);
  }

  FailingService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(RecommendClientTest, Answers) {
  v1::RecommendRequest request;
  request.mutable_subject()->set_user_id("u");
  const auto response = Client().Recommend(request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->items(0).item_id(), "u");
  EXPECT_EQ(service_.calls, 1);
}

TEST_F(RecommendClientTest, TriesAgainWhenUnavailable) {
  service_.failures = 2;
  EXPECT_TRUE(Client().Recommend({}).ok());
  EXPECT_EQ(service_.calls, 3);
}

TEST_F(RecommendClientTest, GivesUpAfterMaxAttempts) {
  service_.failures = 100;
  const auto response = Client().Recommend({});
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(response.status().message(), "made to fail");
  EXPECT_EQ(service_.calls, 3);
}

TEST_F(RecommendClientTest, TriesNothingElseAgain) {
  for (const grpc::StatusCode code : {grpc::RESOURCE_EXHAUSTED, grpc::INTERNAL, grpc::INVALID_ARGUMENT}) {
    service_.calls = 0;
    service_.code = code;
    service_.failures = 1;
    EXPECT_EQ(static_cast<int>(Client().Recommend({}).status().code()), static_cast<int>(code));
    EXPECT_EQ(service_.calls, 1);
  }
}

TEST_F(RecommendClientTest, TriesAnUpdateAgainOnlyWithAnUpdateId) {
  v1::UpdateProfileRequest request;
  service_.failures = 1;
  EXPECT_EQ(Client().UpdateProfile(request).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(service_.calls, 1) << "without update_id a retry could count twice";
  request.set_update_id("order-17");
  service_.failures = 1;
  EXPECT_TRUE(Client().UpdateProfile(request).ok());
  EXPECT_EQ(service_.calls, 3);
}

TEST_F(RecommendClientTest, AStreamIsTriedAgainOnlyWhileNothingCame) {
  std::vector<int> firsts;
  const auto take = [&](const v1::StreamRecommendResponse& message) { firsts.push_back(message.first()); };
  service_.failures = 2;
  EXPECT_TRUE(Client().StreamRecommend({}, take).ok());
  EXPECT_THAT(firsts, testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(service_.calls, 3);

  firsts.clear();
  service_.calls = 0;
  service_.fails_last = true;
  service_.failures = 1;
  const absl::Status status = Client().StreamRecommend({}, take);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "made to fail");
  EXPECT_THAT(firsts, testing::ElementsAre(0, 1, 2));
  EXPECT_EQ(service_.calls, 1);
}

TEST_F(RecommendClientTest, TheTimeoutEndsACallThatHangs) {
  RecommendClientOptions options;
  options.timeout = absl::Milliseconds(100);
  EXPECT_EQ(Client(options).GetProfile({}).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(RecommendClientTest, UnimplementedIsTheServersWord) {
  EXPECT_EQ(Client().SimilarItems({}).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(RecommendClient, NobodyListensThere) {
  RecommendClientOptions options;
  options.first_backoff = absl::Milliseconds(1);
  RecommendClient client("127.0.0.1:1", options);
  EXPECT_EQ(client.Recommend({}).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kindred
