#include "trainer/data/interactions.h"

#include <algorithm>

#include "core/base/str_cat.h"
#include "core/engine/fold_in.h"

namespace kindred {
namespace {

constexpr uint32_t kDropped = UINT32_MAX;

double Combine(std::vector<Event>::const_iterator begin, std::vector<Event>::const_iterator end, Aggregation how) {
  if (how == Aggregation::kCount) return static_cast<double>(end - begin);
  if (how == Aggregation::kLast) return (end - 1)->value;
  double sum = 0;
  for (auto event = begin; event != end; ++event) sum += event->value;
  return how == Aggregation::kMean ? sum / static_cast<double>(end - begin) : sum;
}

// New index of each kept element, kDropped for the rest; moves the kept ids to `kept`.
std::vector<uint32_t> Renumber(const std::vector<uint8_t>& alive, const std::vector<std::string>& ids,
                               std::vector<std::string>* kept) {
  std::vector<uint32_t> to(ids.size(), kDropped);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!alive[i]) continue;
    to[i] = static_cast<uint32_t>(kept->size());
    kept->push_back(ids[i]);
  }
  return to;
}

}  // namespace

std::string_view AggregationName(Aggregation value) {
  switch (value) {
    case Aggregation::kSum:
      return "sum";
    case Aggregation::kMean:
      return "mean";
    case Aggregation::kLast:
      return "last";
    case Aggregation::kCount:
      return "count";
  }
  return "";
}

absl::StatusOr<Aggregation> AggregationFromName(std::string_view name) {
  for (Aggregation value : {Aggregation::kSum, Aggregation::kMean, Aggregation::kLast, Aggregation::kCount}) {
    if (name == AggregationName(value)) return value;
  }
  return absl::InvalidArgumentError(StrCat("aggregation '", name, "', expected sum, mean, last or count"));
}

SparseMatrix Aggregate(std::vector<Event> events, uint32_t n_users, uint32_t n_items, Aggregation how) {
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    if (a.user != b.user) return a.user < b.user;
    if (a.item != b.item) return a.item < b.item;
    return a.order < b.order;
  });
  SparseMatrix out;
  out.rows = n_users;
  out.cols = n_items;
  out.offsets.assign(size_t{n_users} + 1, 0);
  for (auto begin = events.cbegin(); begin != events.cend();) {
    auto end = begin + 1;
    while (end != events.cend() && end->user == begin->user && end->item == begin->item) ++end;
    out.indices.push_back(begin->item);
    out.values.push_back(Combine(begin, end, how));
    ++out.offsets[begin->user + 1];
    begin = end;
  }
  for (uint32_t user = 0; user < n_users; ++user) out.offsets[user + 1] += out.offsets[user];
  return out;
}

Interactions KeepCore(const Interactions& all, uint32_t min_per_user, uint32_t min_per_item) {
  const SparseMatrix& m = all.values;
  std::vector<uint8_t> user_alive(m.rows, 1), item_alive(m.cols, 1);
  for (bool changed = true; changed;) {
    changed = false;
    std::vector<uint32_t> per_item(m.cols, 0);
    for (uint32_t user = 0; user < m.rows; ++user) {
      if (!user_alive[user]) continue;
      uint32_t count = 0;
      for (uint32_t item : m.RowIndices(user)) count += item_alive[item];
      if (count < min_per_user) {
        user_alive[user] = 0;
        changed = true;
        continue;
      }
      for (uint32_t item : m.RowIndices(user)) ++per_item[item];
    }
    for (uint32_t item = 0; item < m.cols; ++item) {
      if (!item_alive[item] || per_item[item] >= min_per_item) continue;
      item_alive[item] = 0;
      changed = true;
    }
  }
  Interactions kept;
  const std::vector<uint32_t> user_to = Renumber(user_alive, all.user_ids, &kept.user_ids);
  const std::vector<uint32_t> item_to = Renumber(item_alive, all.item_ids, &kept.item_ids);
  kept.values.rows = static_cast<uint32_t>(kept.user_ids.size());
  kept.values.cols = static_cast<uint32_t>(kept.item_ids.size());
  for (uint32_t user = 0; user < m.rows; ++user) {
    if (user_to[user] == kDropped) continue;
    for (int64_t p = m.offsets[user]; p < m.offsets[user + 1]; ++p) {
      if (item_to[m.indices[p]] == kDropped) continue;
      kept.values.indices.push_back(item_to[m.indices[p]]);
      kept.values.values.push_back(m.values[p]);
    }
    kept.values.offsets.push_back(kept.values.nnz());
  }
  return kept;
}

SparseMatrix Transformed(const SparseMatrix& values, ValueTransform transform) {
  SparseMatrix out = values;
  for (double& value : out.values) value = TransformValue(transform, value);
  return out;
}

}  // namespace kindred
