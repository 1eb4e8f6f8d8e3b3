#include "clients/cli/answer_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "clients/cli/profile_json.h"

namespace kindred {
namespace {

TEST(AnswerJson, ARecommendationHasTheFixedKeys) {
  v1::RecommendResponse response;
  v1::RecommendedItem* item = response.add_items();
  item->set_item_id("1082185");
  item->set_score(0.1f);
  response.set_model("groceries");
  response.set_version("1");
  response.set_digest("xxh128:00");
  response.set_space("nmf");
  response.set_source(v1::ANSWER_SOURCE_TRAINED_VECTOR);
  response.add_missing_ids("gone");
  response.add_degradations(v1::DEGRADATION_PROFILE_STORE_UNAVAILABLE);
  response.set_exact(true);
  response.set_next_page_token("dG9rZW4");
  EXPECT_EQ(
      ToJson(response).dump(),
      R"({"items":[{"item_id":"1082185","score":0.1}],"model":"groceries","version":"1","digest":"xxh128:00",)"
      R"("space":"nmf","source":"trained_vector","profile_version":0,)"
      R"("degradations":["profile_store_unavailable"],"missing_ids":["gone"],"missing_categories":[],"exact":true,)"
      R"("next_page_token":"dG9rZW4"})");
}

TEST(AnswerJson, NoItemsIsAnEmptyList) {
  EXPECT_EQ(ToJson(v1::RecommendResponse())["items"].dump(), "[]");
  EXPECT_EQ(ToJson(v1::RecommendResponse())["missing_ids"].dump(), "[]");
}

TEST(AnswerJson, ScoresReadBackAsTheSameFloat) {
  for (const float score : {0.1f, 1.0f / 3.0f, 16777217.0f, 1.17549435e-38f, 3.40282347e38f, -2.5e-7f, 0.0f}) {
    v1::RecommendResponse response;
    response.add_items()->set_score(score);
    const auto parsed = nlohmann::json::parse(ToJson(response).dump());
    EXPECT_EQ(static_cast<float>(parsed["items"][0]["score"].get<double>()), score);
  }
}

TEST(AnswerJson, NamesCategoriesAndTermsComeWhenTheyAreThere) {
  v1::SimilarItemsResponse response;
  v1::RecommendedItem* item = response.add_items();
  item->set_item_id("a");
  item->set_score(0.75f);
  item->set_name("Crème");
  item->add_categories("DAIRY");
  item->set_prior(0.25f);
  v1::TraitTerm* term = item->add_terms();
  term->set_trait(3);
  term->set_value(0.5f);
  term->set_label("Milk, Eggs");
  EXPECT_EQ(ToJson(response)["items"][0].dump(),
            R"({"item_id":"a","score":0.75,"name":"Crème","categories":["DAIRY"],"prior":0.25,)"
            R"("terms":[{"trait":3,"value":0.5,"label":"Milk, Eggs"}]})");
}

TEST(AnswerJson, TermsOfABlendHaveTheirOwn) {
  v1::RecommendResponse response;
  v1::TraitTerm* space = response.add_items()->add_terms();
  space->set_value(0.75f);
  space->set_label("als");
  for (const float value : {0.5f, 0.25f}) {
    v1::TraitTerm* term = space->add_terms();
    term->set_trait(static_cast<uint32_t>(value * 100));
    term->set_value(value);
    term->set_label("Milk");
  }
  EXPECT_EQ(ToJson(response)["items"][0]["terms"].dump(),
            R"([{"trait":0,"value":0.75,"label":"als","terms":[{"trait":50,"value":0.5,"label":"Milk"},)"
            R"({"trait":25,"value":0.25,"label":"Milk"}]}])");
}

TEST(AnswerJson, AProfile) {
  v1::GetProfileResponse response;
  response.set_user_id("u");
  response.set_profile_version(2);
  response.mutable_update_time()->set_seconds(86400);
  response.set_source(v1::ANSWER_SOURCE_LIVE_PROFILE);
  v1::ProfileEvent* event = response.add_events();
  event->mutable_event()->set_item_id("a");
  event->mutable_event()->mutable_time()->set_seconds(0);
  event->set_known(true);
  const auto json = ToJson(response);
  EXPECT_EQ(json["update_time"], "1970-01-02T00:00:00Z");
  EXPECT_EQ(json["source"], "live_profile");
  EXPECT_EQ(json["events"][0].dump(), R"({"item_id":"a","known":true,"time":"1970-01-01T00:00:00Z","weight":1.0})");
  EXPECT_TRUE(ToJson(v1::GetProfileResponse())["update_time"].is_null());
}

TEST(AnswerJson, AnUpdate) {
  v1::UpdateProfileRequest request;
  request.set_user_id("u");
  request.set_update_id("order-17");
  v1::UpdateProfileResponse response;
  response.set_profile_version(7);
  response.set_durability(v1::DURABILITY_JOURNAL);
  response.set_duplicate(true);
  response.set_profile_token(std::string("\0\xff", 2));
  EXPECT_EQ(ToJson(request, response).dump(),
            R"({"user_id":"u","profile_version":7,"durability":"journal","duplicate":true,"update_id":"order-17",)"
            R"("profile_token":"AP8="})");
}

TEST(AnswerJson, BoostsAndHistoryComeWhenTheySaySomething) {
  v1::SimilarItemsResponse response;
  v1::RecommendedItem* item = response.add_items();
  item->set_item_id("a");
  item->set_boost(0.5f);
  v1::HistoryItem* history = item->add_history();
  history->set_item_id("b");
  history->set_name("Bread");
  history->set_contribution(-0.25f);
  EXPECT_EQ(
      ToJson(response)["items"][0].dump(),
      R"({"item_id":"a","score":0.0,"boost":0.5,"history":[{"item_id":"b","name":"Bread","contribution":-0.25}]})");
}

TEST(AnswerJson, Scores) {
  v1::ScoreItemsResponse response;
  v1::ScoreResult* result = response.add_results();
  v1::ItemScore* score = result->add_scores();
  score->set_item_id("a");
  score->set_score(0.5f);
  score = result->add_scores();
  score->set_item_id("b");
  score->set_score(4);
  score->set_value(0);
  result->add_missing_ids("gone");
  result->set_source(v1::ANSWER_SOURCE_AVERAGE);
  result = response.add_results();
  result->mutable_status()->set_code(3);
  result->mutable_status()->set_message("user_id: is empty");
  const auto json = ToJson({"u", ""}, response);
  EXPECT_EQ(json["results"][0].dump(),
            R"({"subject":"u","scores":[{"item_id":"a","score":0.5},{"item_id":"b","score":4.0,"value":0.0}],)"
            R"("missing_ids":["gone"],"source":"average","profile_version":0,"degradations":[]})");
  EXPECT_EQ(json["results"][1].dump(),
            R"({"subject":"","error":{"code":"INVALID_ARGUMENT","message":"user_id: is empty"}})");
}

TEST(AnswerJson, Vectors) {
  v1::GetVectorsResponse response;
  v1::Vector* vector = response.add_items();
  vector->set_id("a");
  vector->add_values(0.1f);
  vector->add_columns(7);
  vector = response.add_tokens();
  vector->set_id("view_a");
  vector->add_values(1);
  vector->set_fallback(v1::TOKEN_FALLBACK_CATEGORY);
  const auto json = ToJson(response);
  EXPECT_EQ(json["items"].dump(), R"([{"id":"a","values":[0.1],"columns":[7]}])");
  EXPECT_EQ(json["users"].dump(), "[]");
  EXPECT_EQ(json["tokens"].dump(), R"([{"id":"view_a","values":[1.0],"fallback":"category"}])");
}

TEST(AnswerJson, Availability) {
  v1::SetAvailabilityResponse set;
  set.set_unavailable_items(2);
  set.set_availability_version(9);
  set.set_changed(1);
  EXPECT_EQ(ToJson(set).dump(), R"({"unavailable_items":2,"availability_version":9,"changed":1})");
  v1::ListUnavailableItemsResponse list;
  list.add_item_ids("a");
  list.set_unavailable_items(1);
  EXPECT_EQ(ToJson(list).dump(),
            R"({"item_ids":["a"],"unavailable_items":1,"availability_version":0,"next_page_token":""})");
}

TEST(AnswerJson, ADeletion) {
  v1::DeleteProfileRequest request;
  request.set_user_id("u");
  v1::DeleteProfileResponse response;
  response.set_existed(true);
  response.set_durability(v1::DURABILITY_MEMORY);
  EXPECT_EQ(ToJson(request, response).dump(), R"({"user_id":"u","existed":true,"durability":"memory"})");
}

}  // namespace
}  // namespace kindred
