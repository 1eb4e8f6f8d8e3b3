#include "trainer/evaluation/evaluate.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/base/parallel.h"
#include "trainer/evaluation/grouped_rows.h"
#include "trainer/evaluation/user_evaluator.h"
#include "trainer/evaluation/value_error.h"

namespace kindred {
namespace {

constexpr int64_t kUserBlock = 8;
constexpr std::string_view kModel = "model", kPopularity = "popularity";

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
    for (const TestItem& item : MeanItemValues(train, by_user.Rows(i))) {
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
  const UserEvaluator evaluator(input, options);
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
