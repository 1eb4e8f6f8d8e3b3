#include "clients/cli/profile_json.h"

#include <google/protobuf/util/time_util.h>

#include <nlohmann/json.hpp>

#include "clients/cli/json_parts.h"
#include "clients/cli/request_arguments.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

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

Json ToJson(const v1::UpdateProfileRequest& request, const v1::UpdateProfileResponse& response) {
  return {{"user_id", request.user_id()},
          {"profile_version", response.profile_version()},
          {"durability", DurabilityWord(response.durability())},
          {"duplicate", response.duplicate()},
          {"update_id", request.update_id()},
          {"profile_token", TokenText(response.profile_token())}};
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
          {"degradations", DegradationList(response.degradations())},
          {"profile_token", TokenText(response.profile_token())}};
}

Json ToJson(const v1::DeleteProfileRequest& request, const v1::DeleteProfileResponse& response) {
  return {{"user_id", request.user_id()},
          {"existed", response.existed()},
          {"durability", DurabilityWord(response.durability())}};
}

}  // namespace kindred
