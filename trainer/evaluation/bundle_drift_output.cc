// A comparison of bundles as text and JSON.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/evaluation/bundle_drift.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownChanges = 20;  // of the training, in text
constexpr size_t kShownValue = 40;    // bytes of one side of a change, in text

Json ToJson(const BundleSide& side) {
  return {{"path", side.path},
          {"model", side.model},
          {"version", side.version},
          {"digest", side.digest},
          {"created_at", side.created_at},
          {"interactions", side.interactions},
          {"categories", side.categories}};
}

Json ToJson(const IdChange& ids) {
  return {{"before", ids.before},
          {"after", ids.after},
          {"shared", ids.shared},
          {"added", ids.added()},
          {"removed", ids.removed()},
          {"some_added", ids.some_added},
          {"some_removed", ids.some_removed}};
}

Json ToJson(const CosineDistances& distances) { return {{"mean", distances.mean}, {"max", distances.max}}; }

Json ToJson(const ListChange& change) {
  return {{"overlap", change.overlap}, {"rank_change", change.rank_change}, {"spearman", change.spearman}};
}

Json ToJson(const TableDrift& table) {
  Json out = {{"table", table.table},
              {"shared", table.shared},
              {"compared", table.rows.compared},
              {"without_vector", table.rows.without_vector},
              {"drift", table.drift()},
              {"counts", table.counts},
              {"raw", ToJson(table.rows.raw)},
              {"aligned", table.rows.aligned ? ToJson(*table.rows.aligned) : Json()},
              {"worst", Json::array()}};
  for (const MovedId& moved : table.worst) {
    Json row = {{"id", moved.id}, {"distance", moved.distance}};
    if (!moved.name.empty()) row["name"] = moved.name;
    out["worst"].push_back(std::move(row));
  }
  return out;
}

Json ToJson(const SpaceDrift& space) {
  Json out = {{"space", space.name},
              {"family", {{"before", space.family_before}, {"after", space.family_after}}},
              {"dim", {{"before", space.dim_before}, {"after", space.dim_after}}},
              {"tables", Json::array()},
              {"neighbors", Json()},
              {"lists", Json()},
              {"notes", space.notes}};
  for (const TableDrift& table : space.tables) out["tables"].push_back(ToJson(table));
  if (space.neighbor_overlap) {
    out["neighbors"] = {{"items", space.neighbor_items}, {"overlap", *space.neighbor_overlap}};
  }
  if (space.lists) {
    out["lists"] = ToJson(*space.lists);
    out["lists"]["users"] = space.list_users;
  }
  return out;
}

std::string Counts(const IdChange& ids) {
  std::string out = absl::StrFormat("%s → %s (%s added, %s removed)", WithThousands(ids.before),
                                    WithThousands(ids.after), WithThousands(ids.added()), WithThousands(ids.removed()));
  if (!ids.some_added.empty()) StrAppend(&out, "; added: ", StrJoin(ids.some_added, ", "));
  if (ids.added() > ids.some_added.size()) StrAppend(&out, ", …");
  if (!ids.some_removed.empty()) StrAppend(&out, "; removed: ", StrJoin(ids.some_removed, ", "));
  if (ids.removed() > ids.some_removed.size()) StrAppend(&out, ", …");
  return out;
}

std::string Short(const std::string& value) {
  if (value.empty()) return "(none)";
  if (value.size() <= kShownValue) return value;
  size_t end = kShownValue;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0) == 0x80) --end;  // whole characters
  return StrCat(value.substr(0, end), "…");
}

void AppendSpace(const SpaceDrift& space, uint32_t k, std::string* out) {
  const auto changed = [](const auto& before, const auto& after) {
    return before == after ? StrCat(before) : StrCat(before, " → ", after);
  };
  StrAppend(out, "\nspace         ", space.name, " (", changed(space.family_before, space.family_after), ", ",
            changed(space.dim_before, space.dim_after), " dimensions)\n");
  if (!space.tables.empty()) StrAppend(out, "                shared  compared    raw mean     max   aligned     max\n");
  for (const TableDrift& table : space.tables) {
    StrAppend(out, absl::StrFormat("  %-7s  %11s  %8s      %.4f  %.4f", table.table, WithThousands(table.shared),
                                   WithThousands(table.rows.compared), table.rows.raw.mean, table.rows.raw.max));
    if (table.rows.aligned) {
      StrAppend(out, absl::StrFormat("    %.4f  %.4f", table.rows.aligned->mean, table.rows.aligned->max));
    }
    StrAppend(out, "\n");
  }
  for (const TableDrift& table : space.tables) {
    if (table.worst.empty()) continue;
    std::vector<std::string> moved;
    moved.reserve(table.worst.size());
    for (const MovedId& id : table.worst) {
      moved.push_back(
          absl::StrFormat("%s%s %.4f", id.id, id.name.empty() ? "" : StrCat(" (", id.name, ")"), id.distance));
    }
    StrAppend(out, "  farthest ", table.table, ": ", StrJoin(moved, ", "), "\n");
  }
  if (space.neighbor_overlap) {
    StrAppend(out, absl::StrFormat("  neighbours  %.4f of the nearest %d kept (%s items)\n", *space.neighbor_overlap, k,
                                   WithThousands(space.neighbor_items)));
  }
  if (space.lists) {
    StrAppend(out,
              absl::StrFormat("  lists       %.4f of the best %d kept, rank change %.4f, Spearman %.4f (%s users)\n",
                              space.lists->overlap, k, space.lists->rank_change, space.lists->spearman,
                              WithThousands(space.list_users)));
  }
  for (const std::string& note : space.notes) StrAppend(out, "  note        ", note, "\n");
}

}  // namespace

std::string BundleDriftText(const BundleDrift& drift, const DriftLimits& limits) {
  const auto side = [](std::string_view label, const BundleSide& bundle) {
    return StrCat(label, bundle.path, ": ", bundle.model, " version ", bundle.version.empty() ? "?" : bundle.version,
                  bundle.created_at.empty() ? "" : StrCat(", made ", bundle.created_at), "\n");
  };
  std::string out = StrCat(side("old           ", drift.before), side("new           ", drift.after));
  StrAppend(&out, "items         ", Counts(drift.items), "\n");
  if (drift.users.before + drift.users.after > 0) StrAppend(&out, "users         ", Counts(drift.users), "\n");
  if (drift.tokens.before + drift.tokens.after > 0) StrAppend(&out, "tokens        ", Counts(drift.tokens), "\n");
  if (drift.before.interactions + drift.after.interactions > 0) {
    StrAppend(&out, "interactions  ", WithThousands(drift.before.interactions), " → ",
              WithThousands(drift.after.interactions), "\n");
  }
  if (drift.popularity) {
    StrAppend(&out, absl::StrFormat("popularity    %.4f of the best %d kept, rank change %.4f, Spearman %.4f\n",
                                    drift.popularity->overlap, kPopularityRanks, drift.popularity->rank_change,
                                    drift.popularity->spearman));
  }
  if (!drift.only_before.empty()) StrAppend(&out, "only in old   ", StrJoin(drift.only_before, ", "), "\n");
  if (!drift.only_after.empty()) StrAppend(&out, "only in new   ", StrJoin(drift.only_after, ", "), "\n");
  for (const SpaceDrift& space : drift.spaces) AppendSpace(space, drift.options.k, &out);
  if (!drift.training.empty()) StrAppend(&out, "\ntraining      ", drift.training.size(), " members differ\n");
  for (size_t i = 0; i < std::min(drift.training.size(), kShownChanges); ++i) {
    const TrainingChange& change = drift.training[i];
    StrAppend(&out, "  ", change.member, ": ", Short(change.before), " → ", Short(change.after), "\n");
  }
  if (drift.training.size() > kShownChanges) {
    StrAppend(&out, "  … and ", drift.training.size() - kShownChanges, " more (--json)\n");
  }
  const std::vector<std::string> beyond = BeyondLimits(drift, limits);
  StrAppend(&out, "\n");
  for (const std::string& line : beyond) StrAppend(&out, "DRIFT         ", line, "\n");
  if (beyond.empty()) StrAppend(&out, "within the limits\n");
  return out;
}

std::string BundleDriftJson(const BundleDrift& drift, const DriftLimits& limits) {
  const std::vector<std::string> beyond = BeyondLimits(drift, limits);
  Json out = {{"before", ToJson(drift.before)},
              {"after", ToJson(drift.after)},
              {"k", drift.options.k},
              {"seed", drift.options.seed},
              {"items", ToJson(drift.items)},
              {"users", ToJson(drift.users)},
              {"tokens", ToJson(drift.tokens)},
              {"popularity", drift.popularity ? ToJson(*drift.popularity) : Json()},
              {"spaces", Json::array()},
              {"only_before", drift.only_before},
              {"only_after", drift.only_after},
              {"training", Json::array()},
              {"limits",
               {{"max_drift", limits.max_drift},
                {"min_overlap", limits.min_overlap ? Json(*limits.min_overlap) : Json()},
                {"max_rank_change", limits.max_rank_change ? Json(*limits.max_rank_change) : Json()}}},
              {"drifted", !beyond.empty()},
              {"beyond", beyond}};
  for (const SpaceDrift& space : drift.spaces) out["spaces"].push_back(ToJson(space));
  for (const TrainingChange& change : drift.training) {
    const auto value = [](const std::string& text) { return text.empty() ? Json() : Json::parse(text); };
    out["training"].push_back(
        {{"member", change.member}, {"before", value(change.before)}, {"after", value(change.after)}});
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kindred
