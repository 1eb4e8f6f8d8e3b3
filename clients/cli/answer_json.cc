#include "clients/cli/answer_json.h"

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "clients/cli/json_parts.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

// Those of a blend have terms in them, and these none.
Json TermList(const google::protobuf::RepeatedPtrField<v1::TraitTerm>& terms) {
  Json list = Json::array();
  for (const v1::TraitTerm& term : terms) {
    Json json = {{"trait", term.trait()}, {"value", Shortest(term.value())}, {"label", term.label()}};
    for (const v1::TraitTerm& inner : term.terms()) {
      json["terms"].push_back({{"trait", inner.trait()}, {"value", Shortest(inner.value())}, {"label", inner.label()}});
    }
    list.push_back(std::move(json));
  }
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
      json["terms"] = TermList(item.terms());
    }
    if (item.boost() != 0) json["boost"] = Shortest(item.boost());
    for (const v1::HistoryItem& history : item.history()) {
      json["history"].push_back({{"item_id", history.item_id()},
                                 {"name", history.name()},
                                 {"contribution", Shortest(history.contribution())}});
    }
    list.push_back(std::move(json));
  }
  return list;
}

Json VectorList(const google::protobuf::RepeatedPtrField<v1::Vector>& vectors) {
  Json list = Json::array();
  for (const v1::Vector& vector : vectors) {
    Json json = {{"id", vector.id()}, {"values", Json::array()}};
    for (const float value : vector.values()) json["values"].push_back(Shortest(value));
    if (vector.columns_size() > 0) json["columns"] = ListOf(vector.columns());
    if (vector.fallback() != v1::TOKEN_FALLBACK_UNSPECIFIED) json["fallback"] = FallbackWord(vector.fallback());
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
          {"degradations", DegradationList(response.degradations())},
          {"missing_ids", ListOf(response.missing_ids())},
          {"missing_categories", ListOf(response.missing_categories())},
          {"exact", response.exact()},
          {"next_page_token", response.next_page_token()}};
}

Json ToJson(const v1::SimilarItemsResponse& response) {
  return {{"items", ItemList(response.items())}, {"model", response.model()}, {"version", response.version()},
          {"digest", response.digest()},         {"space", response.space()}, {"exact", response.exact()}};
}

Json ToJson(const std::vector<std::string>& subjects, const v1::ScoreItemsResponse& response) {
  Json results = Json::array();
  for (int r = 0; r < response.results_size(); ++r) {
    const v1::ScoreResult& result = response.results(r);
    Json json = {{"subject", static_cast<size_t>(r) < subjects.size() ? subjects[r] : std::string()}};
    if (result.status().code() != 0) {
      json["error"] = ToJson(result.status());
      results.push_back(std::move(json));
      continue;
    }
    json["scores"] = Json::array();
    for (const v1::ItemScore& score : result.scores()) {
      Json item = {{"item_id", score.item_id()}, {"score", Shortest(score.score())}};
      if (score.has_value()) item["value"] = Shortest(score.value());
      json["scores"].push_back(std::move(item));
    }
    json["missing_ids"] = ListOf(result.missing_ids());
    json["source"] = SourceWord(result.source());
    json["profile_version"] = result.profile_version();
    json["degradations"] = DegradationList(result.degradations());
    results.push_back(std::move(json));
  }
  return {{"results", std::move(results)},
          {"model", response.model()},
          {"version", response.version()},
          {"digest", response.digest()},
          {"space", response.space()}};
}

Json ToJson(const v1::GetVectorsResponse& response) {
  return {{"items", VectorList(response.items())},
          {"users", VectorList(response.users())},
          {"tokens", VectorList(response.tokens())},
          {"missing_ids", ListOf(response.missing_ids())},
          {"model", response.model()},
          {"version", response.version()},
          {"digest", response.digest()},
          {"space", response.space()}};
}

Json ToJson(const v1::SetAvailabilityResponse& response) {
  return {{"unavailable_items", response.unavailable_items()},
          {"availability_version", response.availability_version()},
          {"changed", response.changed()}};
}

Json ToJson(const v1::ListUnavailableItemsResponse& response) {
  return {{"item_ids", ListOf(response.item_ids())},
          {"unavailable_items", response.unavailable_items()},
          {"availability_version", response.availability_version()},
          {"next_page_token", response.next_page_token()}};
}

Json ToJson(const google::rpc::Status& status) {
  return {{"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(status.code()))},
          {"message", status.message()}};
}

}  // namespace kindred
