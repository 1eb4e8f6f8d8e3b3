#include "core/lifecycle/drift_subjects.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "core/base/read_once.h"

namespace kindred {
namespace {

// Users whom we look for in the other generation: where fewer than one in a hundred are known there, they are not the
// users of this model any more.
constexpr size_t kProbes = 20'000;

// The common items that a row of live's (or, with `of_candidate`, the candidate's) indices names.
class OwnItems {
 public:
  OwnItems(const Model& candidate, const Model& live, const std::vector<CommonItem>& common)
      : common_(common), by_candidate_(candidate.n_items(), kNone), by_live_(live.n_items(), kNone) {
    for (uint32_t i = 0; i < common.size(); ++i) {
      by_candidate_[common[i].candidate] = i;
      by_live_[common[i].live] = i;
    }
  }

  // Those of both rows; where one generation does not say what the user has touched, those of the other's.
  std::vector<CommonItem> Of(std::span<const uint32_t> candidate_row, std::span<const uint32_t> live_row) const {
    std::vector<uint32_t> places = Places(by_live_, live_row);
    if (!candidate_row.empty()) {
      const std::vector<uint32_t> others = Places(by_candidate_, candidate_row);
      std::vector<uint32_t> both;
      std::set_intersection(places.begin(), places.end(), others.begin(), others.end(), std::back_inserter(both));
      places = live_row.empty() ? others : both;
    }
    std::vector<CommonItem> own;
    for (uint32_t pick : SpreadEvenly(places.size(), kMaxOwnItems)) own.push_back(common_[places[pick]]);
    return own;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  static std::vector<uint32_t> Places(const std::vector<uint32_t>& place_of, std::span<const uint32_t> row) {
    std::vector<uint32_t> places;
    for (const uint32_t& value : row) {
      // Of the map, which somebody may overwrite.
      const uint32_t item = ReadOnce(value);
      if (item < place_of.size() && place_of[item] != kNone) places.push_back(place_of[item]);
    }
    std::sort(places.begin(), places.end());
    return places;
  }

  const std::vector<CommonItem>& common_;
  std::vector<uint32_t> by_candidate_, by_live_;  // places in common_
};

// Users whom both know.
std::vector<DriftSubject> CommonUsers(const Model& candidate, const Model& live, const OwnItems& own, size_t count) {
  if (candidate.n_users() == 0) return {};
  std::vector<std::pair<uint32_t, uint32_t>> users;  // of the candidate and of live
  for (uint32_t user : SpreadEvenly(live.n_users(), kProbes)) {
    const std::optional<uint32_t> other = candidate.users().Find(live.users().Id(user));
    if (other.has_value()) users.emplace_back(*other, user);
  }
  std::vector<DriftSubject> subjects;
  for (uint32_t pick : SpreadEvenly(users.size(), count)) {
    const auto [other, user] = users[pick];
    subjects.push_back({live.users().Id(user), own.Of(candidate.Seen(other), live.Seen(user)), false});
  }
  return subjects;
}

// What users of one of the two have touched.
std::vector<DriftSubject> Histories(const Model& candidate, const Model& live, const OwnItems& own, size_t count) {
  const bool of_live = live.n_users() > 0;
  const Model& model = of_live ? live : candidate;
  std::vector<DriftSubject> subjects;
  // Some rows have nothing that both know.
  for (uint32_t user : SpreadEvenly(model.n_users(), 4 * count)) {
    const auto row = model.Seen(user);
    DriftSubject subject{{}, of_live ? own.Of({}, row) : own.Of(row, {}), false};
    if (subject.own.size() >= 2) subjects.push_back(std::move(subject));
  }
  std::vector<DriftSubject> picked;
  for (uint32_t pick : SpreadEvenly(subjects.size(), count)) picked.push_back(std::move(subjects[pick]));
  return picked;
}

}  // namespace

std::vector<uint32_t> SpreadEvenly(size_t n, size_t count) {
  std::vector<uint32_t> picks;
  count = std::min(n, count);
  for (size_t i = 0; i < count; ++i) picks.push_back(static_cast<uint32_t>(i * n / count));
  return picks;
}

absl::StatusOr<std::vector<CommonItem>> FindCommonItems(const Model& candidate, const Model& live, const GoOn& go_on) {
  constexpr uint32_t kGroup = 1024;  // ids at a time
  std::vector<CommonItem> common;
  std::vector<std::string_view> ids;
  std::vector<uint32_t> found;
  for (uint32_t begin = 0; begin < live.n_items(); begin += kGroup) {
    if (!go_on()) return absl::CancelledError("measuring drift was given up");
    const uint32_t end = std::min(live.n_items(), begin + kGroup);
    ids.clear();
    for (uint32_t item = begin; item < end; ++item) ids.push_back(live.items().Id(item));
    found.resize(ids.size());
    candidate.items().FindMany(ids, found);
    for (uint32_t item = begin; item < end; ++item) {
      if (found[item - begin] != IdTable::kNone) common.push_back({found[item - begin], item});
    }
  }
  return common;
}

std::vector<DriftSubject> ChooseSubjects(const Model& candidate, const Model& live,
                                         const std::vector<CommonItem>& common, size_t count) {
  const OwnItems own(candidate, live, common);
  std::vector<DriftSubject> subjects = CommonUsers(candidate, live, own, count);
  if (subjects.empty()) subjects = Histories(candidate, live, own, count);
  if (!subjects.empty()) return subjects;
  for (uint32_t item : SpreadEvenly(common.size(), count)) subjects.push_back({{}, {common[item]}, true});
  return subjects;
}

}  // namespace kindred
