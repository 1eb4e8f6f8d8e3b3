#include "trainer/evaluation/user_evaluator.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "core/base/checksum.h"
#include "core/base/status_macros.h"
#include "trainer/base/parallel.h"

namespace kindred {

std::vector<TestItem> MeanItemValues(const EventLog& log, std::span<const uint32_t> rows) {
  std::vector<TestItem> out;
  std::vector<uint32_t> counts;
  std::unordered_map<uint32_t, size_t> place;
  for (const uint32_t row : rows) {
    const auto [at, fresh] = place.emplace(log.item[row], out.size());
    if (fresh) {
      out.push_back({log.item_ids[log.item[row]], log.item[row], 0});
      counts.push_back(0);
    }
    out[at->second].value += log.ValueOf(row);
    ++counts[at->second];
  }
  for (size_t i = 0; i < out.size(); ++i) out[i].value /= counts[i];
  return out;
}

UserEvaluator::UserEvaluator(const EvaluateInput& input, const EvaluateOptions& options)
    : input_(input),
      options_(options),
      test_(GroupByUser(*input.test)),
      train_(input.train),
      history_(input.history),
      candidates_(input.candidates),
      max_k_(*std::max_element(options.ks.begin(), options.ks.end())) {}

absl::Status UserEvaluator::Measure(size_t user, UserOutcome* out) const {
  const std::string_view id = input_.test->user_ids[test_.users[user]];
  const std::vector<TestItem> items = MeanItemValues(*input_.test, test_.Rows(user));
  out->test_items = static_cast<uint32_t>(items.size());
  std::vector<std::string_view> ids;
  ids.reserve(items.size());
  for (const TestItem& item : items) ids.push_back(item.id);

  UserQuery query;
  query.test = ids;
  query.k = max_k_;
  query.include_seen = options_.include_seen;
  std::vector<RankEvent> events;
  if (options_.fold_in) {
    events = History(id);
    query.events = events;
  } else {
    query.user_id = id;
  }
  std::vector<std::string_view> exclude;
  if (!options_.include_seen) {
    for (const RowsById* earlier : {&train_, &history_}) {
      if (earlier->log() == nullptr) continue;
      for (const TestItem& item : MeanItemValues(*earlier->log(), earlier->Rows(id))) exclude.push_back(item.id);
    }
  }
  query.exclude = exclude;
  std::vector<std::string_view> among;
  CandidateSource source;
  if (options_.negatives > 0 || input_.candidates != nullptr) {
    source = [&](std::span<const std::string> relevant) -> absl::StatusOr<std::vector<std::string_view>> {
      ASSIGN_OR_RETURN(among, Candidates(id, relevant));
      return among;
    };
  }
  ASSIGN_OR_RETURN(out->model, AskForHits(*input_.ranker, query, source));
  if (options_.values != ValueScale::kNone) RETURN_IF_ERROR(PredictValues(query, items, out));
  if (out->model.relevant.empty() || input_.background == nullptr) return absl::OkStatus();

  const std::vector<uint32_t> seen = options_.include_seen ? std::vector<uint32_t>() : Had(id);
  const std::vector<std::string> popular = PopularItems(*input_.background, seen, among, max_k_);
  out->popularity_hits = HitRanks(popular, out->model.relevant);
  out->popularity_list = Indices(popular);
  out->model_list = Indices(out->model.list);
  return absl::OkStatus();
}

std::vector<RankEvent> UserEvaluator::History(std::string_view user_id) const {
  std::vector<RankEvent> out;
  const RowsById& earlier = history_.log() != nullptr ? history_ : train_;
  if (earlier.log() == nullptr) return out;
  const EventLog& log = *earlier.log();
  for (const uint32_t row : earlier.Rows(user_id)) {
    if (!(log.ValueOf(row) > 0)) continue;  // as a server refuses them
    out.push_back({log.item_ids[log.item[row]], log.ValueOf(row),
                   log.action.empty() ? std::string_view() : std::string_view(log.action_ids[log.action[row]]),
                   log.time_ms.empty() ? 0 : log.time_ms[row]});
  }
  if (options_.first_events > 0) {
    out.resize(std::min<size_t>(out.size(), options_.first_events));
  } else if (out.size() > kMaxRankEvents) {
    out.erase(out.begin(), out.end() - kMaxRankEvents);
  }
  return out;
}

std::vector<uint32_t> UserEvaluator::Had(std::string_view user_id) const {
  const auto seen = input_.background->Seen(user_id);
  std::vector<uint32_t> out(seen.begin(), seen.end());
  if (history_.log() == nullptr) return out;
  for (const TestItem& item : MeanItemValues(*history_.log(), history_.Rows(user_id))) {
    if (const auto index = input_.background->FindItem(item.id)) out.push_back(*index);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

absl::StatusOr<std::vector<std::string_view>> UserEvaluator::Candidates(std::string_view user_id,
                                                                        std::span<const std::string> relevant) const {
  std::vector<std::string_view> out(relevant.begin(), relevant.end());
  if (input_.candidates != nullptr) {
    for (const TestItem& item : MeanItemValues(*input_.candidates, candidates_.Rows(user_id))) {
      if (!std::binary_search(relevant.begin(), relevant.end(), item.id)) out.push_back(item.id);
    }
    return out;
  }
  const Background& background = *input_.background;
  std::unordered_set<uint32_t> taken;
  for (const uint32_t item : Had(user_id)) taken.insert(item);
  for (const std::string& id : relevant) {
    if (const auto item = background.FindItem(id)) taken.insert(*item);
  }
  const size_t others = background.n_items() - taken.size();
  SplitMix random(options_.seed ^ Xxh3(std::as_bytes(std::span(user_id))));
  for (size_t i = 0; i < std::min<size_t>(options_.negatives, others); ++i) {
    uint32_t item = 0;
    do {
      item = static_cast<uint32_t>(random.Below(background.n_items()));
    } while (!taken.insert(item).second);
    out.push_back(background.ItemId(item));
  }
  return out;
}

absl::Status UserEvaluator::PredictValues(const UserQuery& query, std::span<const TestItem> items,
                                          UserOutcome* out) const {
  std::unordered_map<std::string_view, const TestItem*> by_id;
  for (const TestItem& item : items) by_id.emplace(item.id, &item);
  RankRequest request;
  request.user_id = query.user_id;
  request.events = query.events;
  request.include_seen = true;
  request.split_prior = true;
  request.k = kMaxPredictedItems;
  RankAnswer answer;
  for (size_t begin = 0; begin < query.test.size(); begin += kMaxPredictedItems) {
    request.candidate_item_ids = query.test.subspan(begin, std::min(kMaxPredictedItems, query.test.size() - begin));
    RETURN_IF_ERROR(input_.ranker->Rank(request, &answer));
    for (size_t i = 0; i < answer.items.size(); ++i) {
      const auto found = by_id.find(answer.items[i]);
      if (found == by_id.end()) continue;
      double predicted = answer.scores[i] - answer.priors[i];
      if (options_.values == ValueScale::kLog1p) predicted = std::expm1(predicted);
      if (options_.clip) predicted = std::clamp(predicted, options_.clip->first, options_.clip->second);
      out->values.push_back({found->second->item, predicted, found->second->value});
    }
  }
  return absl::OkStatus();
}

std::vector<uint32_t> UserEvaluator::Indices(std::span<const std::string> ids) const {
  std::vector<uint32_t> out;
  for (const std::string& id : ids) {
    out.push_back(input_.background->FindItem(id).value_or(UINT32_MAX));
  }
  return out;
}

}  // namespace kindred
