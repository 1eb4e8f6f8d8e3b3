#include "server/rpc/local_call.h"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

#include "server/limits.h"
#include "tests/unit/server/rpc_test_server.h"

namespace kindred::rpc {
namespace {

using ::testing::HasSubstr;

class LocalCallTest : public RpcTestServer {
 protected:
  absl::Status Run(std::string_view method, const google::protobuf::Message& request) {
    responses_.clear();
    return server_->RunLocally("kindred.v1.RecommendationService", method, request.SerializeAsString(), &responses_);
  }

  std::vector<std::string> responses_;
};

TEST_F(LocalCallTest, AnswersWithoutANetwork) {
  Make(Echo, NoStream, {});
  v1::GetProfileRequest request;
  for (const std::string& id : {std::string("a"), std::string(20'000, 'b')}) {
    request.set_user_id(id);
    ASSERT_TRUE(Run("GetProfile", request).ok());
    ASSERT_EQ(responses_.size(), 1u);
    v1::GetProfileResponse response;
    ASSERT_TRUE(response.ParseFromString(responses_[0]));
    EXPECT_EQ(response.user_id(), id);
  }
}

TEST_F(LocalCallTest, WaitsForAHandlerThatFinishesElsewhereAndForOneThatGoesOn) {
  std::thread finisher;
  int steps = 0;
  Make(
      [&](Call* call) {
        EXPECT_FALSE(call->ShouldStop());
        EXPECT_EQ(call->worker(), 0u);
        if (++steps < 5) return call->Again();
        finisher = std::thread([call] { Echo(call); });
      },
      NoStream, {});
  v1::GetProfileRequest request;
  request.set_user_id("a");
  EXPECT_TRUE(Run("GetProfile", request).ok());
  finisher.join();
  EXPECT_EQ(steps, 5);
  EXPECT_EQ(responses_.size(), 1u);
}

TEST_F(LocalCallTest, GivesTheMessagesOfAStream) {
  class Three final : public Source {
   public:
    absl::StatusOr<StreamStep> Next(v1::StreamRecommendResponse* response) override {
      if (++asked_ % 2 == 0) return StreamStep::kAgain;
      EXPECT_EQ(response->first(), 0) << "what was left of the message before";
      response->set_first(++next_);
      return next_ > 3 ? StreamStep::kEnd : StreamStep::kMessage;
    }

   private:
    int asked_ = 0, next_ = 0;
  };
  Make(Echo, [](Stream*) -> absl::StatusOr<std::unique_ptr<Source>> { return std::make_unique<Three>(); }, {});
  EXPECT_TRUE(Run("StreamRecommend", v1::StreamRecommendRequest()).ok());
  ASSERT_EQ(responses_.size(), 3u);
  v1::StreamRecommendResponse response;
  ASSERT_TRUE(response.ParseFromString(responses_[2]));
  EXPECT_EQ(response.first(), 3);
}

TEST_F(LocalCallTest, ErrorsAreThoseOfACaller) {
  Make(
      [](Call* call) {
        call->response()->set_user_id(std::string(limits::kMaxResponseBytes, 'x'));
        call->Finish(call->request().user_id().empty() ? absl::NotFoundError("nobody") : absl::OkStatus());
      },
      NoStream, {});
  v1::GetProfileRequest request;
  EXPECT_EQ(Run("GetProfile", request).code(), absl::StatusCode::kNotFound);
  request.set_user_id("x");
  EXPECT_EQ(Run("GetProfile", request).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Run("StreamRecommend", v1::StreamRecommendRequest()).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Run("Recommend", request).code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(responses_.empty());
}

TEST_F(LocalCallTest, BytesThatAreNoRequestAreAnErrorThatNamesTheField) {
  Make(Echo, NoStream, {});
  const auto run = [&](std::string_view bytes) {
    return server_->RunLocally("kindred.v1.RecommendationService", "GetProfile", bytes, &responses_);
  };
  EXPECT_TRUE(run("").ok());
  EXPECT_EQ(run("\x0a").code(), absl::StatusCode::kInvalidArgument);
  const absl::Status status = run("\x12\x01\xff");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("user_id is not valid UTF-8"));
}

}  // namespace
}  // namespace kindred::rpc
