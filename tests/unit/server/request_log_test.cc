#include "server/request_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/profile_token.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

class RequestLogTest : public ::testing::Test {
 protected:
  RequestLogTest() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              ("request_log_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    config_.set_path(folder_ / "requests.jsonl");
    config_.set_percent(100);
    EXPECT_TRUE(CompleteRequestLog(&config_).ok());
  }
  ~RequestLogTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<RequestLog> Open() {
    auto log = RequestLog::Open(config_);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }
  static void Add(RequestLog* log, const std::string& user, const Profile& profile = {}) {
    // 2024-05-01T12:00:00.123Z
    constexpr int64_t kTimeMs = 1'714'564'800'123;
    v1::RecommendRequest request;
    request.mutable_subject()->set_user_id(user);
    v1::RecommendResponse response;
    response.set_digest("0123");
    response.add_items()->set_score(1.0f / 3);
    log->Add("Recommend", request, response, profile, kTimeMs);
  }
  // The lines that are no empty ones.
  static std::vector<nlohmann::json> Lines(const std::string& path) {
    std::ifstream file(path);
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(file, line);) {
      if (!line.empty()) lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }
  static std::vector<std::string> UsersOf(const std::string& path) {
    std::vector<std::string> users;
    for (const auto& line : Lines(path)) users.push_back(line["request"]["subject"]["user_id"]);
    return users;
  }

  std::filesystem::path folder_;
  v1::RequestLogConfig config_;
};

TEST_F(RequestLogTest, HasTheCallItsAnswerAndTheProfileThatWasUsed) {
  Profile profile;
  profile.user_id = "ann";
  profile.version = 3;
  profile.events = {{"i1", "view", 1'000, 2.0, 0, 0}};
  {
    const auto log = Open();
    Add(log.get(), "ann", profile);
    Add(log.get(), "ben \"ö\"");
  }
  const auto lines = Lines(config_.path());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["method"], "Recommend");
  EXPECT_EQ(lines[0]["response"]["digest"], "0123");
  EXPECT_EQ(lines[0]["response"]["items"][0]["score"].get<float>(), 1.0f / 3);
  EXPECT_EQ(lines[0]["time"], "2024-05-01T12:00:00.123Z") << "the time that the answer took";
  std::string token;
  ASSERT_TRUE(absl::Base64Unescape(lines[0]["profile_token"].get<std::string>(), &token));
  ProfileCodecScratch scratch;
  FieldChecks checks;
  Profile found;
  ASSERT_TRUE(DecodeProfileToken("token", token, &scratch, &found, &checks)) << checks.status();
  EXPECT_EQ(found, profile);
  EXPECT_FALSE(lines[0].contains("profile_cut"));
  EXPECT_FALSE(lines[1].contains("profile_token"));
  EXPECT_EQ(lines[1]["request"]["subject"]["user_id"], "ben \"ö\"");
}

TEST_F(RequestLogTest, SaysWhereATokenHoldsNotAllOfAProfile) {
  Profile profile;
  profile.user_id = "ann";
  profile.version = 1;
  for (int i = 0; i < 200; ++i) profile.events.push_back({std::string(200, 'i'), "", i, 1.0, 0, 0});
  {
    const auto log = Open();
    Add(log.get(), "ann", profile);
  }
  EXPECT_EQ(Lines(config_.path())[0]["profile_cut"], true);
}

TEST_F(RequestLogTest, IsForTheServersOwnUserOnly) {
  const auto log = Open();
  struct stat found = {};
  ASSERT_EQ(stat(config_.path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(RequestLogTest, FilesAreBoundedInSizeAndNumber) {
  config_.set_max_file_bytes(1);
  config_.set_max_old_files(2);
  {
    const auto log = Open();
    for (const char* user : {"a", "b", "c", "d", "e"}) Add(log.get(), user);
  }
  EXPECT_EQ(UsersOf(config_.path()), std::vector<std::string>{"e"});
  EXPECT_EQ(UsersOf(config_.path() + ".1"), std::vector<std::string>{"d"});
  EXPECT_EQ(UsersOf(config_.path() + ".2"), std::vector<std::string>{"c"});
  EXPECT_FALSE(std::filesystem::exists(config_.path() + ".3"));
}

TEST_F(RequestLogTest, WithoutOldFilesTheOneBeginsAnew) {
  config_.set_max_file_bytes(1);
  config_.set_max_old_files(0);
  {
    const auto log = Open();
    for (const char* user : {"a", "b"}) Add(log.get(), user);
  }
  EXPECT_EQ(UsersOf(config_.path()), std::vector<std::string>{"b"});
  EXPECT_FALSE(std::filesystem::exists(config_.path() + ".1"));
}

TEST_F(RequestLogTest, GoesOnBehindALineThatACrashTore) {
  { std::ofstream(config_.path()) << R"({"time":"2024)"; }
  {
    const auto log = Open();
    Add(log.get(), "ann");
  }
  std::ifstream file(config_.path());
  std::string torn, whole;
  std::getline(file, torn);
  std::getline(file, whole);
  EXPECT_EQ(torn, R"({"time":"2024)");
  EXPECT_EQ(nlohmann::json::parse(whole)["request"]["subject"]["user_id"], "ann");
}

TEST_F(RequestLogTest, WhatADiskCannotTakeIsDroppedAndNobodyWaits) {
  // A pipe that nobody reads is a disk that hangs.
  ASSERT_EQ(mkfifo(config_.path().c_str(), 0600), 0);
  std::fstream pipe(config_.path());
  ASSERT_TRUE(pipe.is_open());
  const auto log = Open();
  constexpr uint64_t kCalls = 3 * RequestLog::kMaxQueued;
  for (uint64_t i = 0; i < kCalls; ++i) Add(log.get(), std::string(100, 'u'));
  EXPECT_GT(log->counts().dropped, 0u);
  EXPECT_LE(log->counts().dropped + log->counts().written, kCalls);
  std::thread reader([&] {
    std::string line;
    while (std::getline(pipe, line) && line != "end") {
    }
  });
  while (log->counts().written + log->counts().dropped < kCalls) std::this_thread::yield();
  { std::ofstream(config_.path()) << "end\n"; }
  reader.join();
}

TEST_F(RequestLogTest, ADiskThatHangsDoesNotHoldUpTheEnd) {
  ASSERT_EQ(mkfifo(config_.path().c_str(), 0600), 0);
  std::fstream pipe(config_.path());
  ASSERT_TRUE(pipe.is_open());
  {
    const auto log = Open();
    for (uint64_t i = 0; i < RequestLog::kMaxQueued; ++i) Add(log.get(), std::string(1'000, 'u'));
  }
  // The writer, which hangs, ends once its line is read, and writes no other.
  uint64_t lines = 0;
  std::thread reader([&] {
    for (std::string line; std::getline(pipe, line) && line != "end";) ++lines;
  });
  { std::ofstream(config_.path()) << "\nend\n"; }
  reader.join();
  EXPECT_LT(lines, RequestLog::kMaxQueued);
}

TEST_F(RequestLogTest, TakesTheShareThatWasAskedFor) {
  const auto share = [&](double percent) {
    config_.set_percent(percent);
    const auto log = Open();
    int taken = 0;
    for (int i = 0; i < 10'000; ++i) taken += log->Sample() ? 1 : 0;
    return taken;
  };
  EXPECT_EQ(share(0), 0);
  EXPECT_EQ(share(100), 10'000);
  EXPECT_NEAR(share(25), 2'500, 400);
}

TEST_F(RequestLogTest, AFileThatCannotBeOpenedIsSaidAtTheStart) {
  config_.set_path(folder_ / "no folder" / "requests.jsonl");
  const auto log = RequestLog::Open(config_);
  EXPECT_EQ(log.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(log.status().message()), HasSubstr("logging.request_log.path"));
  EXPECT_THAT(std::string(log.status().message()), HasSubstr("No such file or directory"));
}

TEST_F(RequestLogTest, ConfigurationIsCheckedAndCompleted) {
  v1::RequestLogConfig config;
  ASSERT_TRUE(CompleteRequestLog(&config).ok());
  EXPECT_EQ(config.percent(), 1);
  EXPECT_EQ(config.max_file_bytes(), 64u << 20);
  EXPECT_EQ(config.max_old_files(), 4u);
  config.set_percent(100.5);
  EXPECT_THAT(std::string(CompleteRequestLog(&config).message()), HasSubstr("percent is 100.5; expected 0 to 100"));
  config.set_percent(std::numeric_limits<double>::quiet_NaN());
  EXPECT_FALSE(CompleteRequestLog(&config).ok());
  config.set_percent(5);
  config.set_max_file_bytes(3);
  EXPECT_THAT(std::string(CompleteRequestLog(&config).message()), HasSubstr("max_file_bytes is 3"));
}

}  // namespace
}  // namespace kindred
