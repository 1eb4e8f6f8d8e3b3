#include "clients/cli/answer_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/cli/profile_text.h"

namespace kindred {
namespace {

using testing::HasSubstr;
using testing::Not;

v1::RecommendResponse Answer() {
  v1::RecommendResponse response;
  response.set_model("groceries");
  response.set_version("1");
  response.set_space("nmf");
  response.set_source(v1::ANSWER_SOURCE_AVERAGE);
  response.set_exact(true);
  v1::RecommendedItem* item = response.add_items();
  item->set_item_id("1082185");
  item->set_score(0.5f);
  item->set_name("Bananas");
  item->add_categories("department:PRODUCE");
  item->add_categories("TROPICAL FRUIT");
  return response;
}

TEST(AnswerText, ARecommendation) {
  v1::RecommendRequest request;
  request.mutable_subject()->set_user_id("1234");
  EXPECT_EQ(ToText(request, Answer()),
            "Recommended for 1234 (average; model groceries version 1, space nmf)\n"
            "  #  item     name     category                   score\n"
            "  1  1082185  Bananas  PRODUCE / TROPICAL FRUIT  0.5000\n");
}

TEST(AnswerText, SaysWhatIsMissingApproximateOrDegraded) {
  v1::RecommendResponse response = Answer();
  response.add_missing_ids("gone");
  response.set_exact(false);
  response.add_degradations(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE);
  const std::string text = ToText(v1::RecommendRequest(), response);
  EXPECT_THAT(text, HasSubstr("Recommended for the average user"));
  EXPECT_THAT(text, HasSubstr("not in this catalogue: gone\n"));
  EXPECT_THAT(text, HasSubstr("approximate"));
  EXPECT_THAT(text, HasSubstr("degraded: profile_store_unavailable\n"));
}

TEST(AnswerText, ExplainsWithTheStrongestTerms) {
  v1::RecommendResponse response = Answer();
  for (int t = 0; t < 5; ++t) {
    v1::TraitTerm* term = response.mutable_items(0)->add_terms();
    term->set_trait(t);
    term->set_value(0.1f * (5 - t));
    term->set_label("Label" + std::to_string(t));
  }
  const std::string text = ToText(v1::RecommendRequest(), response);
  EXPECT_THAT(text, HasSubstr("+0.5000  trait 0: Label0\n"));
  EXPECT_THAT(text, HasSubstr("and 2 more traits"));
  EXPECT_THAT(text, Not(HasSubstr("Label3")));
}

TEST(AnswerText, ExplainsABlendSpaceBySpace) {
  v1::RecommendResponse response = Answer();
  for (const char* name : {"als", "silent", "content"}) {
    v1::TraitTerm* space = response.mutable_items(0)->add_terms();
    space->set_value(0.25f);
    space->set_label(name);
    for (int t = 0; t < 4 && space->label() != "silent"; ++t) {
      v1::TraitTerm* term = space->add_terms();
      term->set_trait(t);
      term->set_value(0.125f);
      term->set_label(std::string(name) + " label " + std::to_string(t));
    }
  }
  const std::string text = ToText(v1::RecommendRequest(), response);
  EXPECT_THAT(text, HasSubstr("+0.2500  space als\n"));
  EXPECT_THAT(text, HasSubstr("+0.1250  trait 2: als label 2\n"));
  EXPECT_THAT(text, HasSubstr("and 1 more traits"));
  EXPECT_THAT(text, HasSubstr("+0.2500  space content\n"));
  EXPECT_THAT(text, Not(HasSubstr("silent")));
}

TEST(AnswerText, NamesCannotControlTheTerminal) {
  v1::RecommendRequest request;
  request.mutable_subject()->set_user_id("\x1b[2J");
  v1::RecommendResponse response = Answer();
  response.mutable_items(0)->set_name("\x1b]0;x\a");
  response.add_missing_ids("\x1b[31m");
  EXPECT_THAT(ToText(request, response), Not(HasSubstr("\x1b")));
}

TEST(AnswerText, Updates) {
  v1::UpdateProfileRequest request;
  request.set_user_id("u");
  request.set_update_id("order-17");
  request.add_events()->set_item_id("a");
  v1::UpdateProfileResponse response;
  response.set_profile_version(3);
  response.set_durability(v1::DURABILITY_JOURNAL);
  EXPECT_EQ(ToText(request, response), "Recorded 1 event for u: profile version 3, kept in journal\n");
  response.set_duplicate(true);
  EXPECT_EQ(ToText(request, response), "Known already: update order-17 of u; its profile stays at version 3\n");
}

TEST(AnswerText, AProfileShowsTheLatestEvents) {
  v1::GetProfileResponse response;
  response.set_user_id("u");
  response.set_profile_version(1);
  for (int e = 0; e < 3; ++e) {
    v1::ProfileEvent* event = response.add_events();
    event->mutable_event()->set_item_id("item" + std::to_string(e));
    event->mutable_event()->mutable_time()->set_seconds(e);
    event->set_known(e != 2);
  }
  const std::string text = ToText(response, 2);
  EXPECT_THAT(text, HasSubstr("Latest 2 of 3 stored events"));
  EXPECT_THAT(text, Not(HasSubstr("item0")));
  EXPECT_THAT(text, HasSubstr("item1"));
  EXPECT_THAT(text, HasSubstr("(not in this catalogue)"));
}

TEST(AnswerText, SaysWhatWasBoostedAndWhichHistoryCounts) {
  v1::RecommendRequest request;
  request.mutable_subject()->set_profile_token("token");
  v1::RecommendResponse response = Answer();
  response.mutable_items(0)->set_boost(-0.25f);
  v1::HistoryItem* history = response.mutable_items(0)->add_history();
  history->set_item_id("7");
  history->set_contribution(0.125f);
  response.add_missing_categories("department:NONE");
  const std::string text = ToText(request, response);
  EXPECT_THAT(text, HasSubstr("Recommended for the bearer of a profile token ("));
  EXPECT_THAT(text, HasSubstr("-0.2500  boosted by the request\n"));
  EXPECT_THAT(text, HasSubstr("because of 7 (+0.1250)\n"));
  EXPECT_THAT(text, HasSubstr("categories without an item: department:NONE\n"));
}

TEST(AnswerText, Scores) {
  v1::ScoreItemsRequest request;
  request.add_queries()->mutable_subject()->set_user_id("u");
  request.add_queries()->mutable_subject()->set_user_id("");
  v1::ScoreItemsResponse response;
  v1::ScoreResult* result = response.add_results();
  result->set_source(v1::ANSWER_SOURCE_TRAINED_VECTOR);
  result->add_scores()->set_item_id("a");
  result->mutable_scores(0)->set_score(0.5f);
  result->add_missing_ids("gone");
  response.add_results()->mutable_status()->set_code(3);
  response.mutable_results(1)->mutable_status()->set_message("empty");
  EXPECT_EQ(ToText(request, response),
            "Scores for u (trained_vector; model  version , space )\n"
            "  item   score\n"
            "  a     0.5000\n"
            "not in this catalogue: gone\n"
            "\n"
            "No scores for : empty\n");
}

TEST(AnswerText, VectorsShowTheirFirstValues) {
  v1::GetVectorsResponse response;
  v1::Vector* vector = response.add_items();
  vector->set_id("a");
  for (int v = 0; v < 7; ++v) vector->add_values(static_cast<float>(v));
  const std::string text = ToText(response);
  EXPECT_THAT(text, HasSubstr("  item  a      7  0.0000  1.0000  2.0000  3.0000  4.0000  5.0000  …\n"));
}

TEST(AnswerText, Availability) {
  v1::SetAvailabilityResponse set;
  set.set_unavailable_items(2);
  set.set_availability_version(9);
  set.set_changed(1);
  EXPECT_EQ(ToText(set), "Changed 1 item; out now: 2 (availability version 9)\n");
  v1::ListUnavailableItemsResponse list;
  list.add_item_ids("a\x1b");
  list.set_unavailable_items(2);
  list.set_next_page_token("next");
  EXPECT_EQ(ToText(list), "Out now: 2 (availability version 0)\n  a?\nmore: --page-token next\n");
}

TEST(AnswerText, ProfilesAreARowEach) {
  v1::BatchGetProfileRequest request;
  request.add_user_ids("u");
  request.add_user_ids("");
  v1::BatchGetProfileResponse response;
  response.add_results()->mutable_profile()->set_source(v1::ANSWER_SOURCE_LIVE_PROFILE);
  response.mutable_results(0)->mutable_profile()->set_profile_version(4);
  response.add_results()->mutable_status()->set_message("is empty");
  const std::string text = ToText(request, response);
  EXPECT_THAT(text, HasSubstr("u     live_profile        4"));
  EXPECT_THAT(text, HasSubstr("none"));
  EXPECT_THAT(text, HasSubstr("is empty\n"));
}

TEST(AnswerText, Deletions) {
  v1::DeleteProfileRequest request;
  request.set_user_id("u");
  v1::DeleteProfileResponse response;
  EXPECT_EQ(ToText(request, response), "Nothing was stored for u\n");
  response.set_existed(true);
  response.set_durability(v1::DURABILITY_JOURNAL);
  EXPECT_EQ(ToText(request, response), "Deleted the profile of u, gone from journal\n");
}

}  // namespace
}  // namespace kindred
