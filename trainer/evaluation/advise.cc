#include "trainer/evaluation/advise.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/new_vocabulary.h"

namespace kindred {
namespace {

using Json = nlohmann::json;

Json Member(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found == object.end() ? Json() : *found;
}

uint32_t Count(const Json& value) {
  return value.is_number_unsigned() ? static_cast<uint32_t>(std::min<uint64_t>(value.get<uint64_t>(), UINT32_MAX)) : 1;
}

}  // namespace

VocabularyLimits RememberedLimits(const BundleInfo& info) {
  VocabularyLimits out;
  const auto found = info.header.metadata.find(names::kTraining);
  if (found == info.header.metadata.end()) return out;
  const Json training = Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  out.min_item_users = Count(Member(Member(Member(training, "data"), "parameters"), "min_item_users"));
  const Json spaces = Member(training, "spaces");
  std::optional<uint32_t> least;
  for (const auto& [name, space] : spaces.items()) {
    const Json occurrences = Member(Member(space, "parameters"), "min_occurrences");
    if (!occurrences.is_null()) least = std::min(least.value_or(UINT32_MAX), Count(occurrences));
  }
  out.min_token_events = least.value_or(1);
  return out;
}

NewIds CountNewIds(const Model& model, const EventLog& events, const VocabularyLimits& limits) {
  NewIds out;
  out.events = events.size();
  const std::optional<int64_t> newest = ReadTrainingTimes(model.info()).newest_event_ms;
  std::vector<std::pair<uint32_t, uint32_t>> item_users;  // of new items
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> tokens;
  std::string key;
  for (size_t row = 0; row < events.size(); ++row) {
    if (newest && !events.time_ms.empty() && events.time_ms[row] > *newest) ++out.newer_events;
    EventView event;
    event.item_id = events.item_ids[events.item[row]];
    if (!events.action.empty()) event.action = events.action_ids[events.action[row]];
    if (!NewItem(model, event).empty()) item_users.emplace_back(events.item[row], events.user[row]);
    const std::string_view token = NewToken(model, event, &key);
    if (token.empty()) continue;
    const auto found = tokens.find(token);
    if (found != tokens.end()) {
      ++found->second;
    } else {
      tokens.emplace(token, 1);
    }
  }
  std::sort(item_users.begin(), item_users.end());
  item_users.erase(std::unique(item_users.begin(), item_users.end()), item_users.end());
  for (size_t begin = 0, end = 0; begin < item_users.size(); begin = end) {
    while (end < item_users.size() && item_users[end].first == item_users[begin].first) ++end;
    ++(end - begin >= limits.min_item_users ? out.items : out.rare_items);
  }
  for (const auto& [token, count] : tokens) ++(count >= limits.min_token_events ? out.tokens : out.rare_tokens);
  return out;
}

}  // namespace kindred
