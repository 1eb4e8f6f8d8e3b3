#include "trainer/evaluation/background.h"

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "core/base/status_macros.h"
#include "trainer/evaluation/grouped_rows.h"

namespace kindred {

Background Background::OfModel(const Model& model) {
  Background out;
  out.item_ids_.reserve(model.n_items());
  for (uint32_t item = 0; item < model.n_items(); ++item) {
    out.item_ids_.emplace_back(model.items().Id(item));
    out.item_index_.emplace(out.item_ids_.back(), item);
  }
  for (uint32_t user = 0; user < model.n_users(); ++user) {
    out.user_index_.emplace(model.users().Id(user), user);
    const auto seen = model.Seen(user);
    out.seen_.insert(out.seen_.end(), seen.begin(), seen.end());
    out.seen_offsets_.push_back(static_cast<int64_t>(out.seen_.size()));
  }
  out.Finish();
  return out;
}

absl::StatusOr<Background> Background::OfEvents(const EventLog& train, const Ranker& ranker) {
  Background out;
  ASSIGN_OR_RETURN(const std::vector<bool> known, KnownItems(train, ranker));
  constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint32_t> number(known.size(), kNone);
  for (uint32_t item = 0; item < known.size(); ++item) {
    if (!known[item]) continue;
    number[item] = out.n_items();
    out.item_index_.emplace(train.item_ids[item], number[item]);
    out.item_ids_.push_back(train.item_ids[item]);
  }
  const GroupedRows by_user = GroupByUser(train);
  std::vector<uint32_t> items;
  for (size_t i = 0; i < by_user.size(); ++i) {
    items.clear();
    for (const uint32_t row : by_user.Rows(i)) {
      if (number[train.item[row]] != kNone) items.push_back(number[train.item[row]]);
    }
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    out.user_index_.emplace(train.user_ids[by_user.users[i]], static_cast<uint32_t>(i));
    out.seen_.insert(out.seen_.end(), items.begin(), items.end());
    out.seen_offsets_.push_back(static_cast<int64_t>(out.seen_.size()));
  }
  out.Finish();
  return out;
}

void Background::Finish() {
  popularity_.assign(item_ids_.size(), 0);
  for (const uint32_t item : seen_) ++popularity_[item];
  order_.resize(item_ids_.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(), [&](uint32_t a, uint32_t b) {
    return popularity_[a] != popularity_[b] ? popularity_[a] > popularity_[b] : a < b;
  });
}

std::optional<uint32_t> Background::FindItem(std::string_view id) const {
  const auto found = item_index_.find(id);
  return found == item_index_.end() ? std::nullopt : std::optional(found->second);
}

std::span<const uint32_t> Background::Seen(std::string_view user_id) const {
  const auto found = user_index_.find(user_id);
  if (found == user_index_.end()) return {};
  const int64_t begin = seen_offsets_[found->second];
  return std::span(seen_).subspan(begin, seen_offsets_[found->second + 1] - begin);
}

absl::StatusOr<std::vector<bool>> KnownItems(const EventLog& log, const Ranker& ranker) {
  std::vector<bool> known(log.item_ids.size());
  for (const uint32_t item : log.item) known[item] = true;
  std::vector<uint32_t> items;
  std::vector<std::string_view> ids;
  for (uint32_t item = 0; item < known.size(); ++item) {
    if (!known[item]) continue;
    items.push_back(item);
    ids.push_back(log.item_ids[item]);
  }
  for (size_t begin = 0; begin < ids.size(); begin += kMaxRankIds) {
    const size_t count = std::min(kMaxRankIds, ids.size() - begin);
    RankRequest request;
    request.k = 1;
    request.include_seen = true;
    request.candidate_item_ids = std::span(ids).subspan(begin, count);
    RankAnswer answer;
    RETURN_IF_ERROR(ranker.Rank(request, &answer));
    // Unknown ids come back as missing.
    const std::unordered_set<std::string, StringHash, std::equal_to<>> missing(answer.missing_ids.begin(),
                                                                               answer.missing_ids.end());
    for (size_t i = begin; i < begin + count; ++i) known[items[i]] = !missing.contains(ids[i]);
  }
  return known;
}

}  // namespace kindred
