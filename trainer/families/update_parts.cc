#include "trainer/families/update_parts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/recommender.h"
#include "trainer/base/parallel.h"
#include "trainer/base/progress.h"
#include "trainer/data/aggregate.h"
#include "trainer/families/training_parts.h"

namespace kindred {
namespace {

constexpr double kMsPerDay = 86'400'000.0;
constexpr int64_t kUserBlock = 64;

// The new events of items that the bundle has, users numbered by `rows`.
struct KnownEvents {
  EventLog log;                // items numbered as in the bundle
  std::vector<uint32_t> rows;  // user of the log → row in the new bundle
  std::vector<std::string> new_users;
};

KnownEvents Match(const Model& model, const EventLog& newer, UpdateCounts* counts) {
  KnownEvents out;
  EventLog& log = out.log;
  for (uint32_t item = 0; item < model.n_items(); ++item) log.item_ids.emplace_back(model.items().Id(item));
  log.action_ids = newer.action_ids;
  std::vector<std::optional<uint32_t>> items;
  for (const std::string& id : newer.item_ids) items.push_back(model.items().Find(id));
  std::vector<std::optional<uint32_t>> users(newer.user_ids.size());  // → user of the log
  std::set<uint32_t> unknown;
  counts->events = newer.size();
  for (size_t row = 0; row < newer.size(); ++row) {
    const std::optional<uint32_t> item = items[newer.item[row]];
    if (!item) {
      ++counts->unknown_item_events;
      unknown.insert(newer.item[row]);
      continue;
    }
    std::optional<uint32_t>& user = users[newer.user[row]];
    if (!user) {
      user = static_cast<uint32_t>(out.rows.size());
      const std::string& id = newer.user_ids[newer.user[row]];
      log.user_ids.push_back(id);
      if (const auto old = model.users().Find(id)) {
        out.rows.push_back(*old);
        ++counts->users_updated;
      } else {
        out.rows.push_back(model.n_users() + static_cast<uint32_t>(out.new_users.size()));
        out.new_users.push_back(id);
        ++counts->users_added;
      }
    }
    log.user.push_back(*user);
    log.item.push_back(*item);
    if (!newer.action.empty()) log.action.push_back(newer.action[row]);
    if (!newer.time_ms.empty()) log.time_ms.push_back(newer.time_ms[row]);
    log.value.push_back(newer.ValueOf(row));
  }
  counts->unknown_items = unknown.size();
  return out;
}

// Calls fold(user of the log, scratch, row: [d]) for every user with an event and mixes what it writes into `users`:
// [n_users × d]; nothing changes where it returns false.
template <typename Fold>
void MixUsers(const KnownEvents& events, uint32_t d, int threads, std::vector<float>* users, const Fold& fold) {
  ParallelFor(static_cast<int64_t>(events.rows.size()), kUserBlock, threads, [&](int64_t begin, int64_t end) {
    EngineScratch scratch;
    std::vector<float> fresh(d);
    for (int64_t user = begin; user < end; ++user) {
      if (!fold(static_cast<uint32_t>(user), &scratch, std::span(fresh))) continue;
      const auto row = std::span(*users).subspan(size_t{events.rows[user]} * d, d);
      const bool known = std::any_of(row.begin(), row.end(), [](float x) { return x != 0; });
      for (uint32_t j = 0; j < d; ++j) {
        row[j] = known ? kTrainedBlend * row[j] + (1 - kTrainedBlend) * fresh[j] : fresh[j];
      }
    }
  });
}

// From items: the history is aggregated as in training.
void MixItemFoldIns(const Space& space, const KnownEvents& events, const UpdatePartsOptions& options,
                    std::vector<float>* users) {
  const SparseMatrix values = AggregateEvents(events.log, {.aggregation = options.aggregation,
                                                           .action_weights = space.spec.actions,
                                                           .half_life_days = space.spec.half_life_days})
                                  .values;
  MixUsers(events, space.spec.dim, options.threads, users,
           [&](uint32_t user, EngineScratch* scratch, std::span<float> out) {
             std::vector<ItemWeight>& history = scratch->history;
             history.clear();
             for (int64_t p = values.offsets[user]; p < values.offsets[user + 1]; ++p) {
               if (values.values[p] > 0) history.push_back({values.indices[p], values.values[p]});
             }
             space.fold_in->Solve(history, out, &scratch->fold_in);
             return std::any_of(out.begin(), out.end(), [](float x) { return x != 0; });
           });
}

// From tokens: what the engine makes of the events.
void MixTokenFoldIns(const Model& model, const Space& space, const KnownEvents& events,
                     const UpdatePartsOptions& options, std::vector<float>* users) {
  std::vector<std::vector<EventView>> histories(events.rows.size());
  for (size_t row = 0; row < events.log.size(); ++row) {
    if (!(events.log.ValueOf(row) > 0)) continue;
    EventView view;
    view.item_id = events.log.item_ids[events.log.item[row]];
    view.weight = events.log.ValueOf(row);
    if (!events.log.action.empty()) view.action = events.log.action_ids[events.log.action[row]];
    if (!events.log.time_ms.empty()) view.time_ms = events.log.time_ms[row];
    histories[events.log.user[row]].push_back(view);
  }
  const Recommender recommender(model);
  MixUsers(events, space.spec.dim, options.threads, users,
           [&](uint32_t user, EngineScratch* scratch, std::span<float> out) {
             SubjectView subject;
             subject.inline_events = histories[user];
             const AnswerSource source = recommender.Resolve(subject, space, scratch, nullptr);
             if (source != AnswerSource::kInlineEvents && source != AnswerSource::kCategory) return false;
             const std::vector<float>& found = space.traits != nullptr ? scratch->profile : scratch->vector;
             std::copy(found.begin(), found.end(), out.begin());
             return true;
           });
}

// users.seen and its weights with the new events.
absl::Status MergeSeen(const Model& model, const KnownEvents& events, const UpdatePartsOptions& options,
                       uint32_t n_users, BundleParts* parts) {
  const bool has_weights = FindTensor(model.tensors(), names::Weights(names::kSeen)) != nullptr;
  const Space* weighted = options.seen_weights_space.empty() ? nullptr : model.FindSpace(options.seen_weights_space);
  AggregateOptions how{.aggregation = options.aggregation};
  if (weighted != nullptr) {
    how.action_weights = weighted->spec.actions;
    how.half_life_days = weighted->spec.half_life_days;
  }
  const SparseMatrix touched = AggregateEvents(events.log, {}).values, added = AggregateEvents(events.log, how).values;
  std::vector<int64_t> user_of(n_users, -1), newest(events.rows.size(), 0);
  for (size_t user = 0; user < events.rows.size(); ++user) user_of[events.rows[user]] = static_cast<int64_t>(user);
  if (how.half_life_days > 0) {
    for (size_t row = 0; row < events.log.size(); ++row) {
      newest[events.log.user[row]] = std::max(newest[events.log.user[row]], events.log.time_ms[row]);
    }
  }

  SparseMatrix seen, values;
  seen.rows = values.rows = n_users;
  seen.cols = values.cols = model.n_items();
  std::map<uint32_t, double> row;  // item → value
  for (uint32_t at = 0; at < n_users; ++at) {
    row.clear();
    if (at < model.n_users()) {
      const auto items = model.Seen(at);
      const auto weights = model.SeenWeights(at);
      for (size_t i = 0; i < items.size(); ++i) row[items[i]] = has_weights ? weights[i] : 0;
    }
    if (user_of[at] >= 0) {
      const auto user = static_cast<uint32_t>(user_of[at]);
      if (how.half_life_days > 0) {
        const double days = std::max(0.0, static_cast<double>(newest[user] - options.last_event_ms) / kMsPerDay);
        for (auto& [item, value] : row) value *= std::exp2(-days / how.half_life_days);
      }
      std::set<uint32_t> old;
      for (const auto& [item, value] : row) old.insert(item);
      for (uint32_t item : touched.RowIndices(user)) row.try_emplace(item, 0.0);
      for (size_t i = 0; i < added.RowIndices(user).size(); ++i) {
        const double value = added.RowValues(user)[i];
        double& into = row[added.RowIndices(user)[i]];
        if (!old.contains(added.RowIndices(user)[i]) || options.aggregation == Aggregation::kLast) {
          into = value;
        } else if (options.aggregation == Aggregation::kMax) {
          into = std::max(into, value);
        } else if (options.aggregation == Aggregation::kMean) {
          into = kTrainedBlend * into + (1 - kTrainedBlend) * value;
        } else {
          into += value;
        }
      }
    }
    for (const auto& [item, value] : row) {
      seen.indices.push_back(item);
      seen.values.push_back(value);
    }
    seen.offsets.push_back(seen.nnz());
  }
  AddSeen(seen, parts);
  return has_weights ? AddSeenWeights(seen, seen, parts) : absl::OkStatus();
}

// Whether popularity is the number of users who have each item, and the prior what packing makes of that.
bool PopularityIsCounted(const Model& model) {
  std::vector<float> counts(model.n_items(), 0.0f);
  for (uint32_t item : TensorOrEmpty<uint32_t>(model.tensors(), names::Values(names::kSeen))) counts[item] += 1;
  return std::equal(counts.begin(), counts.end(), model.popularity().begin(), model.popularity().end());
}

bool PriorIsDerived(const Model& model) {
  double max = 0;
  for (float count : model.popularity()) max = std::max(max, std::log1p(static_cast<double>(count)));
  const auto prior = TensorOrEmpty<float>(model.tensors(), names::kItemPrior);
  for (size_t i = 0; i < prior.size(); ++i) {
    const double expected = max > 0 ? std::log1p(static_cast<double>(model.popularity()[i])) / max : 0;
    if (std::abs(prior[i] - expected) > 1e-6) return false;
  }
  return true;
}

// Names of the tensors that do not outlive new events.
std::set<std::string, std::less<>> Replaced(const Model& model, std::vector<std::string>* notes) {
  std::set<std::string, std::less<>> out = {names::Bytes(names::kUserIds),
                                            names::Offsets(names::kUserIds),
                                            names::Index(names::kUserIds),
                                            names::Offsets(names::kSeen),
                                            names::Values(names::kSeen),
                                            names::Weights(names::kSeen),
                                            names::Offsets(names::kRecommendations),
                                            std::string(names::kGoldenQueries)};
  for (const auto& space : model.spaces()) {
    if (space->users.empty()) continue;
    out.insert(names::Space(space->name, names::kUsers));
    out.insert(names::Space(space->name, names::kAverage));
  }
  if (!PopularityIsCounted(model)) {
    notes->emplace_back("popularity and the item prior are those of the training: they are no plain counts of users");
    return out;
  }
  out.insert({std::string(names::kPopularity), std::string(names::kPopularityOrder)});
  if (PriorIsDerived(model)) {
    out.insert(std::string(names::kItemPrior));
  } else {
    notes->emplace_back("the item prior is that of the training: it is not derived from popularity");
  }
  return out;
}

}  // namespace

absl::StatusOr<UpdatedParts> UpdateParts(const Model& model, const EventLog& newer, const UpdatePartsOptions& options) {
  if (model.n_users() == 0) {
    return absl::FailedPreconditionError("the bundle has no users to update; a server folds their events in itself");
  }
  UpdatedParts out;
  const KnownEvents events = Match(model, newer, &out.counts);
  const uint32_t n_users = model.n_users() + static_cast<uint32_t>(events.new_users.size());
  out.parts.metadata = model.info().header.metadata;
  out.parts.metadata.erase(std::string(names::kCounts));  // of the new bundle: packing counts

  const auto replaced = Replaced(model, &out.notes);
  for (const auto& [name, view] : model.tensors()) {
    if (replaced.contains(name)) continue;
    OwnedTensor copy{name, view.dtype, view.shape, AlignedBuffer<std::byte>(view.bytes.size())};
    if (!view.bytes.empty()) std::memcpy(copy.bytes.data(), view.bytes.data(), view.bytes.size());
    out.parts.tensors.push_back(std::move(copy));
  }
  std::vector<std::string> user_ids;
  for (uint32_t user = 0; user < model.n_users(); ++user) user_ids.emplace_back(model.users().Id(user));
  user_ids.insert(user_ids.end(), events.new_users.begin(), events.new_users.end());
  for (OwnedTensor& tensor : MakeIdTensors(names::kUserIds, user_ids)) out.parts.tensors.push_back(std::move(tensor));
  if (FindTensor(model.tensors(), names::Offsets(names::kSeen)) != nullptr) {
    RETURN_IF_ERROR(MergeSeen(model, events, options, n_users, &out.parts));
  }
  // New users have no list.
  const auto lists = TensorOrEmpty<int64_t>(model.tensors(), names::Offsets(names::kRecommendations));
  if (!lists.empty()) {
    std::vector<int64_t> offsets(lists.begin(), lists.end());
    offsets.resize(size_t{n_users} + 1, offsets.back());
    out.parts.tensors.push_back(OwnedTensor::Copy<int64_t>(names::Offsets(names::kRecommendations), {offsets.size()},
                                                           std::span<const int64_t>(offsets)));
  }

  for (const auto& space : model.spaces()) {
    if (space->users.empty()) continue;
    const uint32_t d = space->spec.dim;
    std::vector<float> users(space->users.begin(), space->users.end());
    users.resize(size_t{n_users} * d, 0.0f);
    if (space->has_tokens) {
      MixTokenFoldIns(model, *space, events, options, &users);
    } else {
      MixItemFoldIns(*space, events, options, &users);
    }
    out.parts.tensors.push_back(OwnedTensor::Copy<float>(names::Space(space->name, names::kUsers), {n_users, d},
                                                         std::span<const float>(users)));
  }
  return out;
}

}  // namespace kindred
