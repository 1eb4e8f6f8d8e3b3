// What one user of a test came to: whom the ranker is asked about, with what, and what of its answer they did later.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "trainer/data/event_log.h"
#include "trainer/evaluation/evaluate.h"
#include "trainer/evaluation/grouped_rows.h"
#include "trainer/evaluation/ranker.h"
#include "trainer/evaluation/user_hits.h"

namespace kindred {

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

// The items of some rows of a log, each once with its mean value, in the order of their first row.
std::vector<TestItem> MeanItemValues(const EventLog& log, std::span<const uint32_t> rows);

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

// Immutable and thread-safe, as far as the ranker is.
class UserEvaluator {
 public:
  // Both must outlive this. REQUIRES: options that Evaluate accepts.
  UserEvaluator(const EvaluateInput& input, const EvaluateOptions& options);

  const GroupedRows& test() const { return test_; }

  // Of the user at `user` of test(). Errors of the ranker.
  absl::Status Measure(size_t user, UserOutcome* out) const;

 private:
  // The events to ask with: of `history`, else of the training file.
  std::vector<RankEvent> History(std::string_view user_id) const;
  // Items of the catalogue that the user already has, ascending.
  std::vector<uint32_t> Had(std::string_view user_id) const;
  absl::StatusOr<std::vector<std::string_view>> Candidates(std::string_view user_id,
                                                           std::span<const std::string> relevant) const;
  absl::Status PredictValues(const UserQuery& query, std::span<const TestItem> items, UserOutcome* out) const;
  std::vector<uint32_t> Indices(std::span<const std::string> ids) const;

  const EvaluateInput& input_;
  const EvaluateOptions& options_;
  GroupedRows test_;
  RowsById train_, history_, candidates_;
  uint32_t max_k_;
};

}  // namespace kindred
