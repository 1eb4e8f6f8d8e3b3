#include "clients/cli/answer_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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
  EXPECT_EQ(ToJson(response).dump(),
            R"({"items":[{"item_id":"1082185","score":0.1}],"model":"groceries","version":"1","digest":"xxh128:00",)"
            R"("space":"nmf","source":"trained_vector","profile_version":0,)"
            R"("degradations":["profile_store_unavailable"],"missing_ids":["gone"],"exact":true})");
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
  EXPECT_EQ(ToJson(request, response).dump(),
            R"({"user_id":"u","profile_version":7,"durability":"journal","duplicate":true,"update_id":"order-17"})");
}

}  // namespace
}  // namespace kindred
