#include "trainer/evaluation/user_hits.h"

#include <algorithm>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"

namespace kindred {
namespace {

absl::Status OfUser(const UserQuery& query, const absl::Status& status) {
  const std::string who = query.user_id.empty() ? StrCat("a user with ", query.events.size(), " events")
                                                : StrCat("user ", Shown(query.user_id));
  return absl::Status(status.code(), StrCat("ranking for ", who, ": ", std::string(status.message())));
}

}  // namespace

absl::StatusOr<UserHits> AskForHits(const Ranker& ranker, const UserQuery& query, const CandidateSource& candidates) {
  UserHits out;
  RankRequest request;
  request.user_id = query.user_id;
  request.events = query.events;
  request.include_seen = query.include_seen;
  request.exclude_item_ids = query.exclude.first(std::min(query.exclude.size(), kMaxRankIds));
  RankAnswer answer;
  for (size_t begin = 0; begin < query.test.size(); begin += kMaxRankedItems) {
    const auto chunk = query.test.subspan(begin, std::min<size_t>(kMaxRankedItems, query.test.size() - begin));
    request.k = kMaxRankedItems;
    request.candidate_item_ids = chunk;
    if (const absl::Status status = ranker.Rank(request, &answer); !status.ok()) return OfUser(query, status);
    for (std::string& item : answer.items) out.relevant.push_back(std::move(item));
    out.unknown += static_cast<uint32_t>(std::count_if(chunk.begin(), chunk.end(), [&](std::string_view id) {
      return std::find(answer.missing_ids.begin(), answer.missing_ids.end(), id) != answer.missing_ids.end();
    }));
  }
  std::sort(out.relevant.begin(), out.relevant.end());
  out.source = answer.source;
  if (out.relevant.empty()) return out;

  std::vector<std::string_view> among;
  if (candidates) {
    ASSIGN_OR_RETURN(among, candidates(out.relevant));
    if (among.size() > kMaxRankIds) {
      return OfUser(query,
                    absl::InvalidArgumentError(StrCat(among.size(), " candidates, expected at most ", kMaxRankIds)));
    }
  }
  request.k = query.k;
  request.candidate_item_ids = among;
  if (const absl::Status status = ranker.Rank(request, &answer); !status.ok()) return OfUser(query, status);
  out.list = std::move(answer.items);
  out.source = answer.source;
  out.hit_ranks = HitRanks(out.list, out.relevant);
  return out;
}

std::vector<uint32_t> HitRanks(std::span<const std::string> list, std::span<const std::string> relevant) {
  std::vector<uint32_t> out;
  for (size_t i = 0; i < list.size(); ++i) {
    if (std::binary_search(relevant.begin(), relevant.end(), list[i])) out.push_back(static_cast<uint32_t>(i + 1));
  }
  return out;
}

std::vector<std::string> PopularItems(const Background& background, std::span<const uint32_t> excluded,
                                      std::span<const std::string_view> candidates, uint32_t k) {
  std::vector<uint32_t> among;
  for (const std::string_view id : candidates) {
    if (const auto item = background.FindItem(id)) among.push_back(*item);
  }
  std::sort(among.begin(), among.end());
  std::vector<std::string> out;
  for (const uint32_t item : background.popularity_order()) {
    if (out.size() >= k) break;
    if (std::binary_search(excluded.begin(), excluded.end(), item)) continue;
    if (!candidates.empty() && !std::binary_search(among.begin(), among.end(), item)) continue;
    out.push_back(background.ItemId(item));
  }
  return out;
}

}  // namespace kindred
