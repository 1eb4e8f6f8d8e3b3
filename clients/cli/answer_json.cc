#include "clients/cli/answer_json.h"

#include <google/protobuf/util/time_util.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "clients/cli/words.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

// The double that prints as the shortest digits which read back as `value`.
double Shortest(float value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value);
  double result = value;
  std::from_chars(digits, end.ptr, result);
  return result;
}

template <typename Strings>
Json ListOf(const Strings& strings) {
  Json list = Json::array();
  for (const auto& text : strings) list.push_back(text);
  return list;
}

template <typename Items>
Json ItemList(const Items& items) {
  Json list = Json::array();
  for (const v1::RecommendedItem& item : items) {
    Json json = {{"item_id", item.item_id()}, {"score", Shortest(item.score())}};
    if (!item.name().empty()) json["name"] = item.name();
    if (item.categories_size() > 0) json["categories"] = ListOf(item.categories());
    if (item.terms_size() > 0 || item.prior() != 0) {
      json["prior"] = Shortest(item.prior());
      json["terms"] = Json::array();
      for (const v1::TraitTerm& term : item.terms()) {
        json["terms"].push_back({{"trait", term.trait()}, {"value", Shortest(term.value())}, {"label", term.label()}});
      }
    }
    list.push_back(std::move(json));
  }
  return list;
}

template <typename Values>
Json Degradations(const Values& values) {
  Json list = Json::array();
  for (const int value : values) list.push_back(DegradationWord(static_cast<v1::Degradation>(value)));
  return list;
}

Json ProfileItems(const google::protobuf::RepeatedPtrField<v1::ProfileItem>& items) {
  Json list = Json::array();
  for (const v1::ProfileItem& item : items) {
    Json json = {{"item_id", item.item_id()}};
    if (!item.name().empty()) json["name"] = item.name();
    if (item.categories_size() > 0) json["categories"] = ListOf(item.categories());
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

Json ToJson(const v1::RecommendResponse& response) {
  return {{"items", ItemList(response.items())},
          {"model", response.model()},
          {"version", response.version()},
          {"digest", response.digest()},
          {"space", response.space()},
          {"source", SourceWord(response.source())},
          {"profile_version", response.profile_version()},
          {"degradations", Degradations(response.degradations())},
          {"missing_ids", ListOf(response.missing_ids())},
          {"exact", response.exact()}};
}

Json ToJson(const v1::SimilarItemsResponse& response) {
  return {{"items", ItemList(response.items())}, {"model", response.model()}, {"version", response.version()},
          {"digest", response.digest()},         {"space", response.space()}, {"exact", response.exact()}};
}

Json ToJson(const v1::UpdateProfileRequest& request, const v1::UpdateProfileResponse& response) {
  return {{"user_id", request.user_id()},
          {"profile_version", response.profile_version()},
          {"durability", DurabilityWord(response.durability())},
          {"duplicate", response.duplicate()},
          {"update_id", request.update_id()}};
}

Json ToJson(const v1::GetProfileResponse& response) {
  Json traits = Json::array();
  for (const v1::TraitWeight& trait : response.traits()) {
    traits.push_back({{"trait", trait.trait()},
                      {"weight", Shortest(trait.weight())},
                      {"label", trait.label()},
                      {"strongest_items", ProfileItems(trait.strongest_items())}});
  }
  Json events = Json::array();
  for (const v1::ProfileEvent& event : response.events()) {
    Json json = {{"item_id", event.event().item_id()}, {"known", event.known()}};
    if (!event.event().action().empty()) json["action"] = event.event().action();
    if (event.event().has_time()) {
      json["time"] = google::protobuf::util::TimeUtil::ToString(event.event().time());
    }
    json["weight"] = event.event().has_weight() ? event.event().weight() : 1.0;
    if (!event.name().empty()) json["name"] = event.name();
    if (event.categories_size() > 0) json["categories"] = ListOf(event.categories());
    events.push_back(std::move(json));
  }
  Json update_time = nullptr;
  if (response.has_update_time()) {
    update_time = google::protobuf::util::TimeUtil::ToString(response.update_time());
  }
  return {{"user_id", response.user_id()},
          {"profile_version", response.profile_version()},
          {"update_time", std::move(update_time)},
          {"source", SourceWord(response.source())},
          {"trained", response.trained()},
          {"traits", std::move(traits)},
          {"events", std::move(events)},
          {"trained_items", ProfileItems(response.trained_items())},
          {"model", response.model()},
          {"version", response.version()},
          {"digest", response.digest()},
          {"space", response.space()},
          {"degradations", Degradations(response.degradations())}};
}

}  // namespace kindred
