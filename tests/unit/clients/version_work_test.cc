#include "clients/cli/version_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/clients/fake_model_server.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

class VersionWorkTest : public ::testing::Test {
 protected:
  VersionWorkTest() : caller_(server_.address), watcher_(server_.address) {
    work_.model = "groceries";
    work_.version = 7;
    work_.poll = absl::Milliseconds(1);
    work_.interrupted = [] { return false; };
    work_.call = [](ModelClient* client) -> absl::StatusOr<v1::ModelVersion> {
      v1::LoadVersionRequest request;
      request.set_version(7);
      auto response = client->LoadVersion(request);
      if (!response.ok()) return response.status();
      return response->version();
    };
  }

  absl::StatusOr<v1::ModelVersion> Run(bool quiet = false) {
    VersionProgress progress(&said_, false, quiet);
    return Await(work_, &caller_, &watcher_, &progress);
  }

  testing::FakeServer server_;
  ModelClient caller_, watcher_;
  VersionWork work_;
  std::ostringstream said_;
};

TEST_F(VersionWorkTest, SaysHowFarItIsUntilItIsDone) {
  testing::AddVersion(&server_.models.model, 7, v1::VERSION_STATE_VERIFYING)->set_step("golden queries");
  server_.models.held = true;
  work_.interrupted = [this] {
    if (server_.models.looks >= 3) server_.models.held = false;
    return false;
  };
  const auto outcome = Run();
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->version(), 7u);
  EXPECT_EQ(outcome->state(), v1::VERSION_STATE_READY);
  EXPECT_EQ(said_.str(), "kindred: groceries 7: verifying: golden queries\n") << "a line for each step, not each look";
}

TEST_F(VersionWorkTest, WhoeverWaitsMayStop) {
  server_.models.held = true;
  work_.interrupted = [this] { return server_.models.loads > 0; };
  EXPECT_EQ(Run().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(caller_.GetModel({}).status().code(), absl::StatusCode::kCancelled) << "nor is anything begun";
}

TEST_F(VersionWorkTest, ARefusalIsToldWhole) {
  const std::string reason(2'000, 'r');
  server_.models.refusal = grpc::Status(grpc::DATA_LOSS, reason);
  const auto outcome = Run();
  EXPECT_EQ(outcome.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(outcome.status().message(), reason);
}

TEST_F(VersionWorkTest, ALookThatFailsDoesNotMatter) {
  testing::FakeServer other;
  other.models.held = true;
  ModelClient caller(other.address), nowhere("127.0.0.1:1", {.timeout = absl::Milliseconds(50), .max_attempts = 1});
  int looks = 0;
  work_.interrupted = [&] {
    if (++looks > 2) other.models.held = false;
    return false;
  };
  VersionProgress progress(&said_, false, false);
  EXPECT_TRUE(Await(work_, &caller, &nowhere, &progress).ok());
  EXPECT_EQ(said_.str(), "");
}

TEST(VersionProgress, FollowsOneVersionOrWhicheverIsOnItsWay) {
  v1::ServedModel model;
  testing::AddVersion(&model, 6, v1::VERSION_STATE_READY);
  testing::AddVersion(&model, 7, v1::VERSION_STATE_WARMING);
  std::ostringstream one, any, quiet;
  VersionProgress(&one, false, false).Update(model, 6);
  EXPECT_EQ(one.str(), "") << "it has arrived";
  VersionProgress(&any, false, false).Update(model, 0);
  EXPECT_EQ(any.str(), "kindred: groceries 7: warming\n");
  VersionProgress(&quiet, false, true).Update(model, 0);
  EXPECT_EQ(quiet.str(), "");
}

TEST(VersionProgress, WritesOverItsLineOnATerminal) {
  v1::ServedModel model;
  testing::AddVersion(&model, 7, v1::VERSION_STATE_VERIFYING)->set_step("checksums");
  std::ostringstream said;
  {
    VersionProgress progress(&said, true, false);
    model.mutable_versions(0)->set_progress(0.254);
    progress.Update(model, 7);
    progress.Update(model, 7);
    model.mutable_versions(0)->set_progress(0.5);
    progress.Update(model, 7);
  }
  EXPECT_EQ(said.str(),
            "\r\033[Kgroceries 7: verifying: checksums, 25 %\r\033[Kgroceries 7: verifying: checksums, 50 %\r\033[K");
}

TEST(ModelClient, ARollbackIsMadeAgainOnlyWhereItNamesTheVersionToLeave) {
  testing::FakeServer server;
  server.models.refusal = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the answer was lost");
  ClientOptions options;
  options.max_attempts = 3;
  ModelClient client(server.address, options);
  v1::RollbackModelRequest request;
  EXPECT_EQ(client.RollbackModel(request).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.models.rollbacks, 1);
  request.set_from_version(7);
  EXPECT_EQ(client.RollbackModel(request).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.models.rollbacks, 4);
}

}  // namespace
}  // namespace kindred
