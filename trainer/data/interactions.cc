#include "trainer/data/interactions.h"

#include <algorithm>

#include "core/base/str_cat.h"
#include "core/engine/fold_in.h"

namespace kindred {
namespace {

constexpr uint32_t kDropped = UINT32_MAX;

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
    case Aggregation::kMax:
      return "max";
    case Aggregation::kCount:
      return "count";
  }
  return "";
}

absl::StatusOr<Aggregation> AggregationFromName(std::string_view name) {
  for (Aggregation value :
       {Aggregation::kSum, Aggregation::kMean, Aggregation::kLast, Aggregation::kMax, Aggregation::kCount}) {
    if (name == AggregationName(value)) return value;
  }
  return absl::InvalidArgumentError(StrCat("aggregation '", name, "', expected sum, mean, last, max or count"));
}

Core CoreOf(const SparseMatrix& m, uint32_t min_per_user, uint32_t min_per_item) {
  Core core{std::vector<uint8_t>(m.rows, 1), std::vector<uint8_t>(m.cols, 1)};
  std::vector<uint8_t>&user_alive = core.users, &item_alive = core.items;
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
  return core;
}

Interactions KeepCore(const Interactions& all, uint32_t min_per_user, uint32_t min_per_item) {
  const SparseMatrix& m = all.values;
  const Core core = CoreOf(m, min_per_user, min_per_item);
  Interactions kept;
  const std::vector<uint32_t> user_to = Renumber(core.users, all.user_ids, &kept.user_ids);
  const std::vector<uint32_t> item_to = Renumber(core.items, all.item_ids, &kept.item_ids);
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
