#include "trainer/families/popular_family.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace kindred {
namespace {

constexpr double kDayMs = 86'400'000;

}  // namespace

absl::StatusOr<std::vector<float>> Popularity(const TrainingData& data, const PopularOptions& options) {
  const EventLog& events = *data.events;
  const size_t n_items = data.interactions->item_ids.size();
  if (options.decay_days > 0 && events.time_ms.empty()) {
    return absl::FailedPreconditionError(
        "decay_days needs the time of each event; give --time-column, or leave decay_days at 0");
  }
  std::vector<double> action_weights;
  for (const std::string& action : events.action_ids) {
    const auto weight = data.weights.actions.find(action);
    action_weights.push_back(weight == data.weights.actions.end() ? 1.0 : weight->second);
  }
  const int64_t newest = events.time_ms.empty() ? 0 : *std::max_element(events.time_ms.begin(), events.time_ms.end());

  std::vector<double> sums(n_items, 0);
  // For kUsers: how much each pair's newest event counts.
  std::unordered_map<uint64_t, double> pairs;
  for (size_t row = 0; row < events.size(); ++row) {
    const double action = events.action.empty() ? 1.0 : action_weights[events.action[row]];
    if (action == 0) continue;
    const double decay =
        options.decay_days > 0
            ? std::exp2(-static_cast<double>(newest - events.time_ms[row]) / (options.decay_days * kDayMs))
            : 1.0;
    if (options.count == PopularityCount::kUsers) {
      double& pair = pairs[uint64_t{events.user[row]} << 32 | events.item[row]];
      // The sum of the newest only: the older share is taken back.
      if (decay > pair) sums[events.item[row]] += decay - std::exchange(pair, decay);
    } else {
      sums[events.item[row]] += action * decay * (options.count == PopularityCount::kValue ? events.ValueOf(row) : 1.0);
    }
  }
  std::vector<float> out(n_items);
  for (size_t item = 0; item < n_items; ++item) {
    if (!(std::abs(sums[item]) <= std::numeric_limits<float>::max())) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the values of item '%s' sum up to %g, which does not fit a 32-bit float; count users or "
                          "events, or scale the values",
                          data.interactions->item_ids[item], sums[item]));
    }
    out[item] = static_cast<float>(std::max(0.0, sums[item]));
  }
  return out;
}

void PopularFamily::Describe(ParameterList* parameters) {
  parameters->Add<PopularityCount>(
      "count", &options_.count, "What makes an item popular: distinct users, events or the sum of their values",
      {{"users", PopularityCount::kUsers}, {"events", PopularityCount::kEvents}, {"value", PopularityCount::kValue}});
  parameters->Add("decay_days", &options_.decay_days,
                  "An event counts half after so many days, seen from the newest event of all; 0 = all count alike");
}

absl::StatusOr<TrainedSpace> PopularFamily::Train(const TrainingData& data, std::string_view /*space*/,
                                                  Progress* progress) {
  TrainedSpace out;
  progress->Begin("counting", 0, "");
  ASSIGN_OR_RETURN(out.popularity, Popularity(data, options_));
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kMean;
  out.spec.dim = 1;
  // A space of zeros: no user has a vector in it, so every request is answered by the popularity rung.
  out.items.assign(out.popularity.size(), 0.0f);
  const double total = std::accumulate(out.popularity.begin(), out.popularity.end(), 0.0);
  const double largest = *std::max_element(out.popularity.begin(), out.popularity.end());
  progress->End(absl::StrFormat("%s items, the most popular with %.1f %% of all", WithThousands(out.items.size()),
                                total > 0 ? 100 * largest / total : 0.0));
  if (total == 0) out.notes.emplace_back("every item has popularity 0: the order is that of the ids in the input");
  out.figures_json = nlohmann::ordered_json{{"total", total}, {"largest", largest}}.dump();
  return out;
}

}  // namespace kindred
