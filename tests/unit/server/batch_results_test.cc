#include "server/batch_results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/field_checks.h"
#include "server/limits.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

// A batch answer whose entries are of `bytes` each, as a handler makes one; how many were answers.
int Fill(size_t entries, size_t bytes, v1::BatchRecommendResponse* response) {
  BatchRoom room(entries);
  int answers = 0;
  for (size_t i = 0; i < entries; ++i) {
    v1::RecommendResult found;
    found.mutable_response()->set_model(std::string(bytes, 'x'));
    const absl::Status fits = room.Take(found);
    if (fits.ok()) {
      *response->add_results() = found;
      ++answers;
    } else {
      *response->add_results()->mutable_status() = ToStatusMessage(fits);
    }
  }
  return answers;
}

TEST(BatchRoom, SmallEntriesAllFit) {
  v1::BatchRecommendResponse response;
  EXPECT_EQ(Fill(1000, 1000, &response), 1000);
  EXPECT_LT(response.ByteSizeLong(), limits::kMaxResponseBytes);
}

TEST(BatchRoom, TheAnswerStaysBelowTheLimitWhateverItsEntriesAre) {
  for (const size_t bytes : {size_t{0}, size_t{100}, size_t{500}, size_t{3'700}, size_t{4'200}, size_t{50'000},
                             size_t{1'000'000}, size_t{4'000'000}, limits::kMaxResponseBytes}) {
    for (const size_t entries : {1u, 2u, 10u, 999u, 1000u}) {
      v1::BatchRecommendResponse response;
      const int answers = Fill(entries, bytes, &response);
      EXPECT_EQ(response.results_size(), static_cast<int>(entries));
      EXPECT_LE(response.ByteSizeLong(), limits::kMaxResponseBytes) << bytes << " × " << entries;
      const size_t most = limits::kMaxResponseBytes / (bytes + 1);
      EXPECT_LE(static_cast<size_t>(answers), most);
      // No room is wasted but what later entries keep.
      const size_t least = bytes > 1000 ? std::min(entries, most * 3 / 4) : 0;
      EXPECT_GE(static_cast<size_t>(answers + 2), least) << bytes << " × " << entries;
    }
  }
}

TEST(BatchRoom, AnEntryThatDoesNotFitSaysWhatToDoAndLaterOnesStillMay) {
  BatchRoom room(3);
  v1::RecommendResult large, small;
  large.mutable_response()->set_model(std::string(3'000'000, 'x'));
  small.mutable_response()->set_model("x");
  EXPECT_TRUE(room.Take(large).ok());
  const absl::Status status = room.Take(large);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ask for fewer"));
  EXPECT_TRUE(room.Take(small).ok());
  EXPECT_LE(room.taken(), limits::kMaxResponseBytes);
}

TEST(BatchRoom, WhatIsAroundTheEntriesCounts) {
  v1::RecommendResult entry;
  entry.mutable_response()->set_model(std::string(1000, 'x'));
  EXPECT_TRUE(BatchRoom(1, limits::kMaxResponseBytes - 2000).Take(entry).ok());
  EXPECT_FALSE(BatchRoom(1, limits::kMaxResponseBytes - 1000).Take(entry).ok());
}

TEST(WriteStatus, CarriesTheDetailsOfTheError) {
  FieldChecks checks;
  checks.Id("subjects[3].user_id", "");
  BatchRoom room(1);
  v1::RecommendResult result;
  WriteStatus(checks.status(), &room, &result);
  EXPECT_EQ(result.status().code(), 3);
  EXPECT_THAT(result.status().message(), HasSubstr("subjects[3].user_id is empty"));
  bool found = false;
  for (const auto& any : result.status().details()) {
    google::rpc::BadRequest bad_request;
    if (!any.UnpackTo(&bad_request)) continue;
    ASSERT_EQ(bad_request.field_violations_size(), 1);
    EXPECT_EQ(bad_request.field_violations(0).field(), "subjects[3].user_id");
    found = true;
  }
  EXPECT_TRUE(found);
}

TEST(WriteStatus, AStatusThatIsTooLongGivesWayToAShortOne) {
  constexpr int kEntries = 1000;
  v1::BatchRecommendResponse response;
  BatchRoom room(kEntries);
  for (int i = 0; i < kEntries; ++i) {
    FieldChecks checks;
    for (int f = 0; f < 20; ++f) checks.Add(std::string(800, 'f'), "is wrong");
    WriteStatus(checks.status(), &room, response.add_results());
  }
  EXPECT_LE(response.ByteSizeLong(), limits::kMaxResponseBytes);
  EXPECT_EQ(response.results(0).status().code(), 3);
  EXPECT_EQ(response.results(kEntries - 1).status().code(), 8);
}

}  // namespace
}  // namespace kindred
