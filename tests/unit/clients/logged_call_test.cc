#include "clients/cli/logged_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::HasSubstr;

std::string Error(std::string_view line) { return std::string(LoggedCallFromJson(line).status().message()); }

TEST(LoggedCall, ComesBackAsItWas) {
  v1::RecommendRequest request;
  request.set_model("groceries");
  request.mutable_subject()->set_user_id("ann ö \"x\"");
  request.set_min_score(0.1f);
  v1::RecommendResponse response;
  response.set_model("groceries");
  response.set_version("7");
  response.set_digest("0123");
  response.set_profile_version(uint64_t{1} << 60);
  const float third = 1.0f / 3.0f;
  for (const float score : {third, 1e-39f, -0.1f}) {
    response.add_items()->set_item_id("i" + std::to_string(response.items_size()));
    response.mutable_items(response.items_size() - 1)->set_score(score);
  }
  const std::string token("KPT\0\xff", 5);
  const std::string line =
      LoggedCallToJson(absl::FromUnixMillis(1'700'000'000'123), "Recommend", request, response, token);
  EXPECT_THAT(line, HasSubstr(R"("time":"2023-11-14T22:13:20.123Z")"));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto call = LoggedCallFromJson(line);
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_EQ(absl::ToUnixMillis(call->time), 1'700'000'000'123);
  EXPECT_EQ(std::get<v1::RecommendRequest>(call->request).SerializeAsString(), request.SerializeAsString());
  EXPECT_STREQ(MethodOf(call->request), "Recommend");
  EXPECT_EQ(call->profile_token, token);
  EXPECT_FALSE(call->profile_cut);
  EXPECT_EQ(call->answer.version, "7");
  EXPECT_EQ(call->answer.profile_version, uint64_t{1} << 60);
  ASSERT_EQ(call->answer.items.size(), 3u);
  EXPECT_EQ(call->answer.items[0], std::pair(std::string("i1"), third)) << "to the bit";
  EXPECT_EQ(call->answer.items[1].second, 1e-39f);
}

TEST(LoggedCall, OfTheOtherMethods) {
  v1::SimilarItemsResponse similar;
  similar.add_items()->set_item_id("i1");
  auto call =
      LoggedCallFromJson(LoggedCallToJson(absl::UnixEpoch(), "SimilarItems", v1::SimilarItemsRequest(), similar, ""));
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_STREQ(MethodOf(call->request), "SimilarItems");
  EXPECT_EQ(call->answer.items.size(), 1u);
  v1::ScoreItemsResponse scores;
  scores.add_results()->set_profile_version(3);
  scores.mutable_results(0)->add_scores()->set_item_id("i2");
  call = LoggedCallFromJson(LoggedCallToJson(absl::UnixEpoch(), "ScoreItems", v1::ScoreItemsRequest(), scores, ""));
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_STREQ(MethodOf(call->request), "ScoreItems");
  EXPECT_EQ(call->answer.items[0].first, "i2");
  EXPECT_EQ(call->answer.profile_version, 3u);
}

TEST(LoggedCall, SaysWhatIsWrongWithALine) {
  EXPECT_THAT(Error("nonsense"), HasSubstr("not a JSON object"));
  EXPECT_THAT(Error("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(Error(R"({"method":"Recommend"})"), HasSubstr("\"time\" is ''"));
  const std::string begin = R"({"time":"2024-05-01T12:00:00Z",)";
  EXPECT_THAT(Error(begin + R"("method":"Update"})"), HasSubstr("\"method\" is 'Update', expected Recommend"));
  EXPECT_THAT(Error(begin + R"("method":"Recommend","request":3})"), HasSubstr("no \"request\" that is an object"));
  EXPECT_THAT(Error(begin + R"("method":"Recommend","request":{"pagesize_":3},"response":{}})"),
              HasSubstr("\"request\" cannot be read"));
  EXPECT_THAT(Error(begin + R"("profile_token":"*","method":"Recommend","request":{},"response":{}})"),
              HasSubstr("not base64"));
  EXPECT_TRUE(
      LoggedCallFromJson(begin + R"("method":"Recommend","request":{},"response":{"of_a_newer_server":1}})").ok());
}

TEST(MessageJson, SaysWhatWasExpected) {
  v1::RecommendRequest request;
  ASSERT_TRUE(MessageFromJson(R"({"subject":{"user_id":"ann"},"page_size":3})", "file", &request).ok());
  EXPECT_EQ(MessageToJson(request), R"({"subject":{"user_id":"ann"},"page_size":3})");
  EXPECT_THAT(std::string(MessageFromJson("{", "file", &request).message()),
              HasSubstr("file: expected a RecommendRequest in JSON, but "));
}

}  // namespace
}  // namespace kindred
