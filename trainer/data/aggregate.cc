#include "trainer/data/aggregate.h"

#include <algorithm>
#include <cmath>

#include "trainer/data/user_rows.h"

namespace kindred {
namespace {

constexpr double kMsPerDay = 86'400'000;

// The value of one pair, fed row by row in order of time.
class Combined {
 public:
  explicit Combined(Aggregation how) : how_(how) {}
  void Add(double value, double weight) {
    ++count_;
    const double weighted = (how_ == Aggregation::kCount ? 1.0 : value) * weight;
    sum_ += weighted;
    last_ = weighted;
    max_ = count_ == 1 ? weighted : std::max(max_, weighted);
  }
  double value() const {
    switch (how_) {
      case Aggregation::kSum:
      case Aggregation::kCount:
        return sum_;
      case Aggregation::kMean:
        return sum_ / count_;
      case Aggregation::kLast:
        return last_;
      case Aggregation::kMax:
        return max_;
    }
    return sum_;
  }

 private:
  Aggregation how_;
  double count_ = 0, sum_ = 0, last_ = 0, max_ = 0;
};

}  // namespace

Interactions AggregateEvents(const EventLog& log, const AggregateOptions& options) {
  std::vector<double> action_weights(log.action_ids.size(), 1.0);
  for (size_t a = 0; a < action_weights.size(); ++a) {
    const auto found = options.action_weights.find(log.action_ids[a]);
    if (found != options.action_weights.end()) action_weights[a] = found->second;
  }
  const auto weight_of = [&](uint32_t row) { return log.action.empty() ? 1.0 : action_weights[log.action[row]]; };
  const bool decays = options.half_life_days > 0 && !log.time_ms.empty();

  Interactions out;
  out.user_ids = log.user_ids;
  out.item_ids = log.item_ids;
  out.values.rows = static_cast<uint32_t>(log.user_ids.size());
  out.values.cols = static_cast<uint32_t>(log.item_ids.size());
  UserRows grouped(log);
  for (uint32_t user = 0; user < out.values.rows; ++user) {
    const auto begin = grouped.Of(user).begin();
    const auto end = std::remove_if(begin, grouped.Of(user).end(), [&](uint32_t row) { return weight_of(row) == 0; });
    int64_t newest = INT64_MIN;
    if (decays) {
      for (auto row = begin; row != end; ++row) newest = std::max(newest, log.time_ms[*row]);
    }
    std::sort(begin, end, [&](uint32_t a, uint32_t b) {
      if (log.item[a] != log.item[b]) return log.item[a] < log.item[b];
      if (!log.time_ms.empty() && log.time_ms[a] != log.time_ms[b]) return log.time_ms[a] < log.time_ms[b];
      return a < b;
    });
    for (auto row = begin; row != end;) {
      const uint32_t item = log.item[*row];
      Combined combined(options.aggregation);
      for (; row != end && log.item[*row] == item; ++row) {
        double weight = weight_of(*row);
        if (decays) {
          const double age_days = static_cast<double>(newest - log.time_ms[*row]) / kMsPerDay;
          weight *= std::exp2(-age_days / options.half_life_days);
        }
        combined.Add(log.ValueOf(*row), weight);
      }
      out.values.indices.push_back(item);
      out.values.values.push_back(combined.value());
    }
    out.values.offsets.push_back(out.values.nnz());
  }
  return out;
}

EventLog KeepCore(const EventLog& log, uint32_t min_user_items, uint32_t min_item_users) {
  const Interactions pairs = AggregateEvents(log, {.aggregation = Aggregation::kCount});
  const Core core = CoreOf(pairs.values, min_user_items, min_item_users);
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < log.size(); ++row) {
    if (core.users[log.user[row]] != 0 && core.items[log.item[row]] != 0) rows.push_back(row);
  }
  return DropUnusedIds(SelectRows(log, rows));
}

}  // namespace kindred
