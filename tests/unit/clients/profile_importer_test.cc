#include "clients/cli/profile_importer.h"

#include <gmock/gmock.h>
#include <google/rpc/error_details.pb.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "absl/strings/match.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

// Takes `room` profiles a call and tells the others to come again; refuses users whose names begin with "bad".
class CrampedService final : public v1::ProfileService::Service {
 public:
  grpc::Status ImportProfiles(grpc::ServerContext*, const v1::ImportProfilesRequest* request,
                              v1::ImportProfilesResponse* response) override {
    const std::lock_guard lock(mutex);
    batches.push_back(request->profiles_size());
    validate_only = request->validate_only();
    int taken = 0;
    for (int i = 0; i < request->profiles_size(); ++i) {
      v1::ProfileImport* result = response->add_results();
      const std::string& user = request->profiles(i).user_id();
      if (absl::StartsWith(user, "bad")) {
        result->mutable_status()->set_code(grpc::StatusCode::INVALID_ARGUMENT);
        result->mutable_status()->set_message("profiles[" + std::to_string(i) + "].user_id is bad; profiles[" +
                                              std::to_string(i) + "].version too");
      } else if (taken < room) {
        ++taken;
        result->set_changed(++times[user] == 1);
      } else {
        result->mutable_status()->set_code(grpc::StatusCode::RESOURCE_EXHAUSTED);
        result->mutable_status()->set_message("no room");
        google::rpc::RetryInfo retry;
        retry.mutable_retry_delay()->set_nanos(1'000'000);
        result->mutable_status()->add_details()->PackFrom(retry);
      }
    }
    if (answers_short) response->mutable_results()->RemoveLast();
    return grpc::Status::OK;
  }

  std::mutex mutex;
  int room = 1 << 20;
  bool answers_short = false;
  bool validate_only = false;
  std::vector<int> batches;
  std::map<std::string, int> times;
};

class ProfileImporterTest : public ::testing::Test {
 protected:
  ProfileImporterTest() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    client_ = std::make_unique<ProfileClient>("127.0.0.1:" + std::to_string(port));
  }
  ~ProfileImporterTest() override { server_->Shutdown(); }

  ProfileImporter Importer(bool validate_only = false, absl::Duration patience = absl::Seconds(60)) {
    return ProfileImporter(client_.get(), validate_only, patience,
                           [this](uint64_t line, std::string_view why) { refused_.emplace_back(line, why); });
  }
  static v1::ProfileRecord Record(const std::string& user, size_t bytes = 0) {
    v1::ProfileRecord record;
    record.set_user_id(user);
    record.set_version(1);
    if (bytes > 0) record.add_update_ids(std::string(bytes, 'x'));
    return record;
  }

  CrampedService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ProfileClient> client_;
  std::vector<std::pair<uint64_t, std::string>> refused_;
};

TEST_F(ProfileImporterTest, SendsBatchesOfManyAndOfNotTooMuch) {
  ProfileImporter importer = Importer();
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(importer.Add(i, Record("u" + std::to_string(i))).ok());
  ASSERT_TRUE(importer.Flush().ok());
  EXPECT_THAT(service_.batches, ElementsAre(256, 256, 88));
  EXPECT_EQ(importer.counts().changed, 600u);
  EXPECT_FALSE(service_.validate_only);
  service_.batches.clear();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(importer.Add(i, Record("u" + std::to_string(i), 400'000)).ok());
  ASSERT_TRUE(importer.Flush().ok());
  EXPECT_THAT(service_.batches, ElementsAre(2, 2, 1));
  EXPECT_EQ(importer.counts().unchanged, 5u);
  ASSERT_TRUE(importer.Flush().ok());  // nothing is left
  EXPECT_EQ(service_.batches.size(), 3u);
}

TEST_F(ProfileImporterTest, WhatIsRefusedIsNamedByItsLine) {
  ProfileImporter importer = Importer(true);
  ASSERT_TRUE(importer.Add(3, Record("ann")).ok());
  ASSERT_TRUE(importer.Add(8, Record("bad one")).ok());
  ASSERT_TRUE(importer.Add(9, Record("ben")).ok());
  ASSERT_TRUE(importer.Flush().ok());
  EXPECT_THAT(refused_, ElementsAre(Pair(8, "user_id is bad; version too")));
  EXPECT_EQ(importer.counts().changed, 2u);
  EXPECT_TRUE(service_.validate_only);
}

TEST_F(ProfileImporterTest, WhatHasNoRoomIsSentAgainAndOnceEach) {
  service_.room = 100;
  ProfileImporter importer = Importer();
  for (int i = 0; i < 256; ++i) ASSERT_TRUE(importer.Add(i, Record((i == 7 ? "bad" : "u") + std::to_string(i))).ok());
  ASSERT_TRUE(importer.Flush().ok());
  EXPECT_THAT(service_.batches, ElementsAre(256, 155, 55));
  EXPECT_EQ(service_.times.size(), 255u);
  for (const auto& [user, times] : service_.times) EXPECT_EQ(times, 1) << user;
  EXPECT_EQ(importer.counts().changed, 255u);
  EXPECT_EQ(refused_.size(), 1u);
}

TEST_F(ProfileImporterTest, GivesUpWhenNothingIsTaken) {
  service_.room = 0;
  ProfileImporter importer = Importer(false, absl::Milliseconds(1));
  ASSERT_TRUE(importer.Add(1, Record("ann")).ok());
  const absl::Status status = importer.Flush();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "no room");
  EXPECT_EQ(importer.counts().changed, 0u);
}

TEST_F(ProfileImporterTest, AnAnswerThatIsTooShortIsAnError) {
  service_.answers_short = true;
  ProfileImporter importer = Importer();
  ASSERT_TRUE(importer.Add(1, Record("ann")).ok());
  EXPECT_EQ(importer.Flush().code(), absl::StatusCode::kInternal);
}

TEST_F(ProfileImporterTest, AServerThatIsGoneEndsIt) {
  server_->Shutdown();
  ProfileImporter importer = Importer();
  ASSERT_TRUE(importer.Add(1, Record("ann")).ok());
  EXPECT_EQ(importer.Flush().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kindred
