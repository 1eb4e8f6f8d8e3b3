// The parts of bundle_drift.h that no vector is needed for: ids, training, limits.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "trainer/evaluation/bundle_drift.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

// Every leaf of a JSON value by its path. Lists are leaves.
void Flatten(const std::string& path, const Json& value, std::map<std::string, std::string>* out) {
  if (path.ends_with(".seconds")) return;  // how long it took says nothing of the model
  if (!value.is_object() || value.empty()) {
    out->insert_or_assign(path, value.dump(-1, ' ', false, Json::error_handler_t::replace));
    return;
  }
  for (const auto& [name, member] : value.items()) Flatten(path.empty() ? name : StrCat(path, ".", name), member, out);
}

std::map<std::string, std::string> Members(const BundleInfo& info) {
  std::map<std::string, std::string> out;
  const auto training = info.header.metadata.find(names::kTraining);
  if (training != info.header.metadata.end()) {
    const Json json = Json::parse(training->second, nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) Flatten("", json, &out);
  }
  // What serving is told of each space.
  const Json spaces = Json::parse(SpaceSpecsToJson(info.spaces), nullptr, /*allow_exceptions=*/false);
  Flatten("serving", spaces, &out);
  out["serving.default_space"] = Json(info.default_space).dump();
  return out;
}

}  // namespace

IdChange CompareIds(const IdTable& before, const IdTable& after, uint32_t names) {
  IdChange out;
  out.before = before.size();
  out.after = after.size();
  for (uint32_t row = 0; row < before.size(); ++row) {
    if (!after.empty() && after.Find(before.Id(row))) {
      ++out.shared;
    } else if (out.some_removed.size() < names) {
      out.some_removed.emplace_back(before.Id(row));
    }
  }
  for (uint32_t row = 0; row < after.size() && out.some_added.size() < std::min<uint64_t>(names, out.added()); ++row) {
    if (before.empty() || !before.Find(after.Id(row))) out.some_added.emplace_back(after.Id(row));
  }
  return out;
}

std::vector<TrainingChange> CompareTraining(const BundleInfo& before, const BundleInfo& after) {
  const std::map<std::string, std::string> old_members = Members(before);
  std::map<std::string, std::string> new_members = Members(after);
  std::vector<TrainingChange> out;
  for (const auto& [member, value] : old_members) {
    const auto found = new_members.find(member);
    if (found == new_members.end()) {
      out.push_back({member, value, ""});
      continue;
    }
    if (found->second != value) out.push_back({member, value, found->second});
    new_members.erase(found);
  }
  for (const auto& [member, value] : new_members) out.push_back({member, "", value});
  std::sort(out.begin(), out.end(),
            [](const TrainingChange& a, const TrainingChange& b) { return a.member < b.member; });
  return out;
}

std::vector<std::string> BeyondLimits(const BundleDrift& drift, const DriftLimits& limits) {
  std::vector<std::string> out;
  for (const SpaceDrift& space : drift.spaces) {
    for (const TableDrift& table : space.tables) {
      if (!table.counts || table.drift() <= limits.max_drift) continue;
      out.push_back(absl::StrFormat("space '%s': drift of %s %.4f is above %g (--max-drift)", space.name, table.table,
                                    table.drift(), limits.max_drift));
    }
    if (limits.min_overlap && space.neighbor_overlap && *space.neighbor_overlap < *limits.min_overlap) {
      out.push_back(absl::StrFormat("space '%s': neighbour overlap %.4f is below %g (--min-overlap)", space.name,
                                    *space.neighbor_overlap, *limits.min_overlap));
    }
    if (limits.max_rank_change && space.lists && space.lists->rank_change > *limits.max_rank_change) {
      out.push_back(absl::StrFormat("space '%s': rank change %.4f is above %g (--max-rank-change)", space.name,
                                    space.lists->rank_change, *limits.max_rank_change));
    }
  }
  return out;
}

}  // namespace kindred
