#include "trainer/evaluation/evaluate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "absl/strings/str_format.h"
#include "core/base/checksum.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/base/parallel.h"
#include "trainer/evaluation/grouped_rows.h"
#include "trainer/evaluation/user_hits.h"
#include "trainer/evaluation/value_error.h"

namespace kindred {
namespace {

constexpr int64_t kUserBlock = 8;
constexpr std::string_view kModel = "model", kPopularity = "popularity";

// A distinct item of a user with the mean value of its rows.
struct TestItem {
  std::string_view id;
  uint32_t item = 0;  // of the test log
  double value = 0;
};

struct PredictedValue {
  uint32_t item = 0;  // of the test log
  double predicted = 0, actual = 0;
};

// What one user came to.
struct UserOutcome {
  UserHits model;
  std::vector<uint32_t> popularity_hits;
  std::vector<uint32_t> model_list, popularity_list;  // catalogue indices
  uint32_t test_items = 0;
  std::vector<PredictedValue> values;
};

std::vector<TestItem> DistinctItems(const EventLog& log, std::span<const uint32_t> rows) {
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

// Users of a log that may be absent, by id.
class RowsById {
 public:
  explicit RowsById(const EventLog* log) : log_(log) {
    if (log == nullptr) return;
    by_user_ = GroupByUser(*log);
    for (size_t i = 0; i < by_user_.size(); ++i) places_.emplace(log->user_ids[by_user_.users[i]], i);
  }
  std::span<const uint32_t> Rows(std::string_view user_id) const {
    const auto found = places_.find(user_id);
    return found == places_.end() ? std::span<const uint32_t>() : by_user_.Rows(found->second);
  }
  const EventLog* log() const { return log_; }

 private:
  const EventLog* log_;
  GroupedRows by_user_;
  std::unordered_map<std::string_view, size_t> places_;
};

class Evaluator {
 public:
  Evaluator(const EvaluateInput& input, const EvaluateOptions& options)
      : input_(input),
        options_(options),
        test_(GroupByUser(*input.test)),
        train_(input.train),
        history_(input.history),
        candidates_(input.candidates),
        max_k_(*std::max_element(options.ks.begin(), options.ks.end())) {}

  const GroupedRows& test() const { return test_; }

  absl::Status Measure(size_t user, UserOutcome* out) const {
    const std::string_view id = input_.test->user_ids[test_.users[user]];
    const std::vector<TestItem> items = DistinctItems(*input_.test, test_.Rows(user));
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
        for (const TestItem& item : DistinctItems(*earlier->log(), earlier->Rows(id))) exclude.push_back(item.id);
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

 private:
  // The events to ask with: of `history`, else of the training file.
  std::vector<RankEvent> History(std::string_view user_id) const {
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

  // Items of the catalogue that the user already has, ascending.
  std::vector<uint32_t> Had(std::string_view user_id) const {
    const auto seen = input_.background->Seen(user_id);
    std::vector<uint32_t> out(seen.begin(), seen.end());
    if (history_.log() == nullptr) return out;
    for (const TestItem& item : DistinctItems(*history_.log(), history_.Rows(user_id))) {
      if (const auto index = input_.background->FindItem(item.id)) out.push_back(*index);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  absl::StatusOr<std::vector<std::string_view>> Candidates(std::string_view user_id,
                                                           std::span<const std::string> relevant) const {
    std::vector<std::string_view> out(relevant.begin(), relevant.end());
    if (input_.candidates != nullptr) {
      for (const TestItem& item : DistinctItems(*input_.candidates, candidates_.Rows(user_id))) {
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

  absl::Status PredictValues(const UserQuery& query, std::span<const TestItem> items, UserOutcome* out) const {
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

  std::vector<uint32_t> Indices(std::span<const std::string> ids) const {
    std::vector<uint32_t> out;
    for (const std::string& id : ids) {
      out.push_back(input_.background->FindItem(id).value_or(UINT32_MAX));
    }
    return out;
  }

  const EvaluateInput& input_;
  const EvaluateOptions& options_;
  GroupedRows test_;
  RowsById train_, history_, candidates_;
  uint32_t max_k_;
};

absl::Status Check(const EvaluateInput& input, const EvaluateOptions& options) {
  if (options.ks.empty()) return absl::InvalidArgumentError("no K is given, expected one or more");
  for (const uint32_t k : options.ks) {
    if (k < 1 || k > kMaxRankedItems) {
      return absl::InvalidArgumentError(StrCat("K = ", k, ", expected 1 to ", kMaxRankedItems));
    }
  }
  if (options.negatives >= kMaxRankIds) {
    return absl::InvalidArgumentError(StrCat(options.negatives, " negatives, expected fewer than ", kMaxRankIds));
  }
  if (options.negatives > 0 && input.background == nullptr) {
    return absl::InvalidArgumentError(
        "negatives are drawn from the catalogue, which a server does not list: give --train");
  }
  if (options.fold_in && input.train == nullptr && input.history == nullptr) {
    return absl::InvalidArgumentError("folding users in needs their earlier events: give --history or --train");
  }
  if (options.first_events > kMaxRankEvents) {
    return absl::InvalidArgumentError(
        StrCat("the first ", options.first_events, " events, expected at most ", kMaxRankEvents));
  }
  if (input.test->size() == 0) {
    return absl::FailedPreconditionError("the test has no rows, expected events of users later than those trained on");
  }
  return absl::OkStatus();
}

// Figures of one way of ranking over all scored users, in their order.
RankingFigures Figures(std::string_view name, const std::vector<UserOutcome>& users, const EvaluateInput& input,
                       const EvaluateOptions& options) {
  const bool is_model = name == kModel;
  RankingFigures out;
  out.name = name;
  for (const uint32_t k : options.ks) {
    MeanScores scores;
    std::vector<uint64_t> counts(input.background == nullptr ? 0 : input.background->n_items());
    for (const UserOutcome& user : users) {
      if (user.model.relevant.empty()) continue;
      scores.Add(ScoreList(is_model ? user.model.hit_ranks : user.popularity_hits,
                           static_cast<uint32_t>(user.model.relevant.size()), k));
      const std::vector<uint32_t>& list = is_model ? user.model_list : user.popularity_list;
      for (size_t i = 0; i < std::min<size_t>(k, list.size()); ++i) {
        if (list[i] < counts.size()) ++counts[list[i]];
      }
    }
    FiguresAtK at{k, scores.Mean(), scores.StandardError(), std::nullopt};
    if (input.background != nullptr) {
      at.concentration = Concentrate(counts, input.background->popularity(), input.background->n_users());
    }
    out.at.push_back(at);
  }
  return out;
}

void AddSources(const std::vector<UserOutcome>& users, RankingFigures* figures) {
  uint64_t scored = 0, own = 0;
  for (const UserOutcome& user : users) {
    if (user.model.relevant.empty()) continue;
    ++scored;
    ++figures->sources[user.model.source];
    own += user.model.source != "average" && user.model.source != kPopularity ? 1 : 0;
  }
  figures->user_coverage = scored == 0 ? 0 : static_cast<double>(own) / static_cast<double>(scored);
}

ValueFigures Figures(std::string_view name, const ValueError& error) {
  return {std::string(name), error.rmse(), error.mae(), error.accuracy()};
}

// Mean value of each (user, item) of the log, with the users and items of `test` numbered as there.
std::vector<UserItemValue> KnownValues(const EventLog& train, const EventLog& test, uint32_t* n_users,
                                       uint32_t* n_items) {
  std::unordered_map<std::string_view, uint32_t> users, items;
  for (uint32_t u = 0; u < test.user_ids.size(); ++u) users.emplace(test.user_ids[u], u);
  for (uint32_t i = 0; i < test.item_ids.size(); ++i) items.emplace(test.item_ids[i], i);
  const auto number = [](std::unordered_map<std::string_view, uint32_t>* of, std::string_view id) {
    return of->emplace(id, static_cast<uint32_t>(of->size())).first->second;
  };
  std::vector<UserItemValue> out;
  const GroupedRows by_user = GroupByUser(train);
  for (size_t i = 0; i < by_user.size(); ++i) {
    const uint32_t user = number(&users, train.user_ids[by_user.users[i]]);
    for (const TestItem& item : DistinctItems(train, by_user.Rows(i))) {
      out.push_back({user, number(&items, item.id), item.value});
    }
  }
  *n_users = static_cast<uint32_t>(users.size());
  *n_items = static_cast<uint32_t>(items.size());
  return out;
}

void AddValues(const std::vector<UserOutcome>& outcomes, const std::vector<uint32_t>& users, const EvaluateInput& input,
               Evaluation* out) {
  ValueError model, global, user_mean, item_mean;
  std::optional<MeanBaselines> means;
  if (input.train != nullptr) {
    uint32_t n_users = 0, n_items = 0;
    const std::vector<UserItemValue> known = KnownValues(*input.train, *input.test, &n_users, &n_items);
    means.emplace(known, n_users, n_items);
  }
  for (size_t i = 0; i < outcomes.size(); ++i) {
    for (const PredictedValue& value : outcomes[i].values) {
      model.Add(value.predicted, value.actual);
      if (!means) continue;
      global.Add(means->global(), value.actual);
      user_mean.Add(means->OfUser(users[i]), value.actual);
      item_mean.Add(means->OfItem(value.item), value.actual);
    }
  }
  out->value_pairs = model.count();
  if (model.count() == 0) return;
  out->values.push_back(Figures(kModel, model));
  if (!means) {
    out->notes.emplace_back("values: the means of the training data are not known without --train");
    return;
  }
  out->values.push_back(Figures("global mean", global));
  out->values.push_back(Figures("user mean", user_mean));
  out->values.push_back(Figures("item mean", item_mean));
}

}  // namespace

absl::StatusOr<Evaluation> Evaluate(const EvaluateInput& input, const EvaluateOptions& options, Progress* progress) {
  RETURN_IF_ERROR(Check(input, options));
  Evaluation out;
  ASSIGN_OR_RETURN(out.ranker, input.ranker->Info());
  const Evaluator evaluator(input, options);
  const std::vector<uint32_t> sample =
      SampleUsers(static_cast<uint32_t>(evaluator.test().size()), options.sample_users, options.seed);
  std::vector<UserOutcome> outcomes(sample.size());

  progress->Begin("ranking", sample.size(), "users");
  std::mutex mutex;
  absl::Status failure;
  uint64_t done = 0;
  std::atomic<bool> failed = false;
  ParallelFor(static_cast<int64_t>(sample.size()), kUserBlock, options.threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end && !failed; ++i) {
      const absl::Status status = evaluator.Measure(sample[i], &outcomes[i]);
      if (status.ok()) continue;
      const std::lock_guard lock(mutex);
      if (failure.ok()) failure = status;
      failed = true;
    }
    const std::lock_guard lock(mutex);
    progress->Update(done += static_cast<uint64_t>(end - begin));
  });
  RETURN_IF_ERROR(failure);

  out.include_seen = options.include_seen;
  out.negatives = options.negatives;
  out.seed = options.seed;
  out.test_rows = input.test->size();
  out.test_users = evaluator.test().size();
  out.sampled_users = sample.size();
  for (const UserOutcome& user : outcomes) {
    out.scored_users += user.model.relevant.empty() ? 0 : 1;
    out.relevant_items += user.model.relevant.size();
    out.unknown_items += user.model.unknown;
    out.seen_items += user.test_items - user.model.unknown - user.model.relevant.size();
  }
  progress->End(absl::StrFormat("%s users with something to find", WithThousands(out.scored_users)));
  if (out.scored_users == 0) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "none of %s users has anything to find: of their items %s are unknown to the model and %s are theirs already; "
        "is the test of the same ids as the training, and later? Repeats count with --include-seen",
        WithThousands(out.sampled_users), WithThousands(out.unknown_items), WithThousands(out.seen_items)));
  }
  out.rankings.push_back(Figures(kModel, outcomes, input, options));
  AddSources(outcomes, &out.rankings.front());
  if (input.background != nullptr) {
    out.rankings.push_back(Figures(kPopularity, outcomes, input, options));
  } else {
    out.notes.emplace_back("popularity and coverage: the catalogue of a server is not known without --train");
  }
  if (options.values != ValueScale::kNone) {
    std::vector<uint32_t> users;
    users.reserve(sample.size());
    for (const uint32_t i : sample) users.push_back(evaluator.test().users[i]);
    AddValues(outcomes, users, input, &out);
  }
  return out;
}

}  // namespace kindred
