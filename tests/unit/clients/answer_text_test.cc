#include "clients/cli/answer_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace kindred
