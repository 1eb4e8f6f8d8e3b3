#include "core/engine/golden.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/recommender.h"

namespace kindred {
namespace {

using Json = nlohmann::json;

constexpr uint32_t kQueriesPerKind = 10;
constexpr uint32_t kQueriesPerOtherKind = 3;  // of a space that is not the default
constexpr uint32_t kListLength = 10;
constexpr uint32_t kHistoryLength = 3;
constexpr uint32_t kMaxGoldenQueries = 1000;  // of a file from outside
constexpr uint32_t kMaxGoldenLength = 1000;

// Solvers sum in an order that compilers may choose; scores of folded-in histories agree to this, others to the bit.
constexpr double kFoldInTolerance = 1e-5;

// One golden query: what to ask, and what came back when the bundle was packed.
struct Query {
  std::string kind;  // "user", "history" or "similar"
  std::string space;
  std::string user;                  // kind "user"
  std::string item;                  // kind "similar"
  std::vector<std::string> history;  // kind "history": item ids, weight 1 each
  std::vector<std::string> actions;  // of the history, or empty
  std::vector<int64_t> times_ms;     // of the history, or empty
  uint32_t k = kListLength;
  std::vector<std::pair<std::string, float>> expected;
};

absl::Status Answer(const Model& model, const Query& query, EngineScratch* scratch, RecommendResult* result) {
  const Recommender recommender(model);
  if (query.kind == "similar") return recommender.SimilarItems(query.item, query.space, query.k, scratch, result);
  std::vector<EventView> events;
  for (size_t i = 0; i < query.history.size(); ++i) {
    EventView& event = events.emplace_back(EventView{query.history[i]});
    if (!query.actions.empty()) event.action = query.actions[i];
    if (!query.times_ms.empty()) event.time_ms = query.times_ms[i];
  }
  RecommendOptions options;
  options.space = query.space;
  options.k = query.k;
  return recommender.Recommend({query.user, {}, events}, options, scratch, result);
}

// `count` indices spread evenly over 0…n−1, ascending, distinct.
std::vector<uint32_t> Spread(uint32_t n, uint32_t count) {
  std::set<uint32_t> picks;
  for (uint64_t i = 0; i < count && n > 0; ++i)
    picks.insert(static_cast<uint32_t>(i * (n - 1) / std::max(1u, count - 1)));
  return {picks.begin(), picks.end()};
}

// The actions that a history of this space can have, "" where it does not matter.
std::vector<std::string> ActionsOf(const Model& model, const Space& space) {
  std::vector<std::string> actions;
  for (const auto& [action, weight] : space.spec.actions) actions.push_back(action);
  for (uint32_t a = 0; a < model.actions().size() && space.has_tokens; ++a) {
    actions.emplace_back(model.actions().Id(a));
  }
  return actions;
}

std::vector<Query> Plan(const Model& model, const Space& space, uint32_t per_kind) {
  std::vector<Query> plan;
  const auto add = [&](std::string kind) -> Query& {
    Query& query = plan.emplace_back();
    query.kind = std::move(kind);
    query.space = space.name;
    return query;
  };
  const auto id = [&](uint32_t item) { return std::string(model.items().Id(item)); };
  for (uint32_t user : Spread(model.n_users(), per_kind)) {
    // Users whom the model knows nothing of in this space are answered as strangers.
    if (space.users.empty() && space.parts.empty() && model.SeenWeights(user).empty()) continue;
    add("user").user = std::string(model.users().Id(user));
  }
  const std::vector<std::string> actions = ActionsOf(model, space);
  constexpr int64_t kDayMs = 86'400'000;
  for (uint32_t item : Spread(model.n_items(), per_kind)) {
    add("similar").item = id(item);
    Query& query = add("history");
    for (uint32_t step = 0; step < std::min(kHistoryLength, model.n_items()); ++step) {
      query.history.push_back(id((item + step) % model.n_items()));
      if (!actions.empty()) query.actions.push_back(actions[(item + step) % actions.size()]);
      if (space.spec.half_life_days > 0) query.times_ms.push_back((step + 1) * 30 * kDayMs);
    }
  }
  return plan;
}

Json ToJson(const Query& query) {
  Json out = {{"kind", query.kind}, {"space", query.space}, {"k", query.k}};
  if (query.kind == "user") out["user"] = query.user;
  if (query.kind == "similar") out["item"] = query.item;
  if (query.kind == "history") out["history"] = query.history;
  if (!query.actions.empty()) out["actions"] = query.actions;
  if (!query.times_ms.empty()) out["times_ms"] = query.times_ms;
  Json expected = Json::array();
  for (const auto& [item, score] : query.expected) expected.push_back({{"item", item}, {"score", score}});
  out["expected"] = std::move(expected);
  return out;
}

// The string member `key`, or an error naming the query.
absl::StatusOr<std::string> Text(const Json& query, const char* key, size_t index) {
  const auto found = query.find(key);
  if (found == query.end() || !found->is_string()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: query %d has no string '%s'", names::kGoldenQueries, index, key));
  }
  return found->get<std::string>();
}

absl::StatusOr<Query> FromJson(const Json& json, size_t index) {
  const auto bad = [&](std::string_view what) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: query %d %s", names::kGoldenQueries, index, what));
  };
  if (!json.is_object()) return bad("is not an object");
  Query query;
  ASSIGN_OR_RETURN(query.kind, Text(json, "kind", index));
  ASSIGN_OR_RETURN(query.space, Text(json, "space", index));
  if (query.kind == "user") {
    ASSIGN_OR_RETURN(query.user, Text(json, "user", index));
  } else if (query.kind == "similar") {
    ASSIGN_OR_RETURN(query.item, Text(json, "item", index));
  } else if (query.kind == "history") {
    const auto history = json.find("history");
    if (history == json.end() || !history->is_array() || history->size() > kMaxGoldenLength) {
      return bad("has no 'history' of at most 1,000 item ids");
    }
    for (const Json& item : *history) {
      if (!item.is_string()) return bad("has a history entry that is not a string");
      query.history.push_back(item.get<std::string>());
    }
    if (const auto actions = json.find("actions"); actions != json.end()) {
      if (!actions->is_array() || actions->size() != query.history.size()) {
        return bad("has 'actions' that are not a list as long as its history");
      }
      for (const Json& action : *actions) {
        if (!action.is_string()) return bad("has an action that is not a string");
        query.actions.push_back(action.get<std::string>());
      }
    }
    if (const auto times = json.find("times_ms"); times != json.end()) {
      if (!times->is_array() || times->size() != query.history.size()) {
        return bad("has 'times_ms' that are not a list as long as its history");
      }
      for (const Json& time : *times) {
        if (!time.is_number_integer()) return bad("has a time that is not an integer");
        query.times_ms.push_back(time.get<int64_t>());
      }
    }
  } else {
    return bad(absl::StrCat("is of unknown kind '", query.kind, "'"));
  }
  const auto k = json.find("k");
  if (k == json.end() || !k->is_number_unsigned() || k->get<uint64_t>() > kMaxGoldenLength) {
    return bad("has no 'k' between 0 and 1,000");
  }
  query.k = k->get<uint32_t>();
  const auto expected = json.find("expected");
  if (expected == json.end() || !expected->is_array() || expected->size() > query.k) {
    return bad("has no list 'expected' of at most k entries");
  }
  for (const Json& entry : *expected) {
    if (!entry.is_object() || !entry.contains("score") || !entry["score"].is_number()) {
      return bad("has an expected entry without a number 'score'");
    }
    ASSIGN_OR_RETURN(std::string item, Text(entry, "item", index));
    query.expected.emplace_back(std::move(item), static_cast<float>(entry["score"].get<double>()));
  }
  return query;
}

// Whether the answer comes from vectors of the file alone.
bool IsExact(const Model& model, const Query& query) {
  if (query.kind != "user") return query.kind == "similar";
  const Space* space = model.FindSpace(query.space);
  return space != nullptr && !space->users.empty() && space->traits == nullptr;
}

bool SameScore(bool exact, float expected, float found) {
  if (exact) return expected == found;
  return std::abs(static_cast<double>(expected) - found) <= kFoldInTolerance * std::max(1.0f, std::abs(expected));
}

absl::Status Compare(const Model& model, const Query& query, size_t index, const RecommendResult& result) {
  const auto mismatch = [&](size_t rank, const std::string& expected, const std::string& found) {
    return absl::DataLossError(absl::StrFormat("golden query %d (%s%s, space '%s') at rank %d: expected %s, found %s",
                                               index, query.kind,
                                               query.kind == "user"      ? " " + query.user
                                               : query.kind == "similar" ? " " + query.item
                                                                         : "",
                                               query.space, rank + 1, expected, found));
  };
  const bool exact = IsExact(model, query);
  for (size_t rank = 0; rank < std::max(query.expected.size(), result.items.size()); ++rank) {
    if (rank >= query.expected.size()) {
      return mismatch(rank, "no item", absl::StrFormat("'%s'", model.items().Id(result.items[rank].item)));
    }
    const auto& [id, score] = query.expected[rank];
    const std::string expected = absl::StrFormat("'%s' with score %.9g", id, score);
    if (rank >= result.items.size()) return mismatch(rank, expected, "no item");
    const ScoredItem& found = result.items[rank];
    if (model.items().Id(found.item) != id || !SameScore(exact, score, found.score)) {
      return mismatch(rank, expected,
                      absl::StrFormat("'%s' with score %.9g", model.items().Id(found.item), found.score));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::string MakeGoldenQueries(const Model& model) {
  Json queries = Json::array();
  EngineScratch scratch;
  RecommendResult result;
  for (const auto& space : model.spaces()) {
    const bool is_default = space.get() == &model.default_space();
    for (Query& query : Plan(model, *space, is_default ? kQueriesPerKind : kQueriesPerOtherKind)) {
      if (queries.size() >= kMaxGoldenQueries || !Answer(model, query, &scratch, &result).ok()) continue;
      // JSON has no infinities: a model whose scores overflow has no golden answer there.
      bool finite = true;
      for (const ScoredItem& item : result.items) {
        finite = finite && std::isfinite(item.score);
        query.expected.emplace_back(model.items().Id(item.item), item.score);
      }
      if (finite) queries.push_back(ToJson(query));
    }
  }
  return Json{{"format", 1}, {"queries", std::move(queries)}}.dump();
}

absl::StatusOr<int> CheckGoldenQueries(const Model& model, const std::function<bool()>& go_on) {
  const TensorView* tensor = FindTensor(model.tensors(), names::kGoldenQueries);
  if (tensor == nullptr || tensor->bytes.empty()) return 0;
  const auto text = tensor->As<char>();
  const Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("queries") || !json["queries"].is_array() ||
      json["queries"].size() > kMaxGoldenQueries) {
    return absl::InvalidArgumentError(absl::StrFormat("%s: expected a JSON object with a list 'queries' of at most %d",
                                                      names::kGoldenQueries, kMaxGoldenQueries));
  }
  EngineScratch scratch;
  RecommendResult result;
  size_t index = 0;
  for (const Json& entry : json["queries"]) {
    if (go_on && !go_on()) return absl::CancelledError("comparing golden queries was given up");
    ASSIGN_OR_RETURN(const Query query, FromJson(entry, index));
    const absl::Status answered = Answer(model, query, &scratch, &result);
    if (!answered.ok()) {
      return absl::DataLossError(absl::StrFormat("golden query %d: %s", index, answered.message()));
    }
    RETURN_IF_ERROR(Compare(model, query, index, result));
    ++index;
  }
  // Spread over all users, they are no sign of what requests will ask for.
  model.ReleasePages();
  return static_cast<int>(index);
}

}  // namespace kindred
